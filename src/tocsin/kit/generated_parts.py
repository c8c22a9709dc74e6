"""Parts of pages that are made from the code, between two markers."""


def with_generated_part(page: str, name: str, content: str) -> str:
    """A page with the part between ``<!-- name: generated -->`` and ``<!-- name: end -->`` made new."""
    start, end = f"<!-- {name}: generated -->", f"<!-- {name}: end -->"
    head, _, rest = page.partition(start)
    _, _, tail = rest.partition(end)
    return f"{head}{start}\n\n{content}\n\n{end}{tail}"
