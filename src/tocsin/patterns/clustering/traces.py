"""Stack traces as structures: the text before and after the frames may vary, the frames are what they are."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tocsin.logmodel.masking import MASK
from tocsin.patterns.clustering.bodies import LINE_BREAK, MAX_TRACE_CHARACTERS, frame_of, outline_of_lines
from tocsin.patterns.clustering.refining import structure_of
from tocsin.patterns.clustering.structure import Member, Structure, mask_values
from tocsin.patterns.clustering.templates import template_of


@dataclass(frozen=True, slots=True)
class TraceStructure(Structure):
    """A stack trace; its skeleton is its errors and frames."""

    #: The lines before the frames.
    head: tuple[Member, ...]
    #: From the first frame to the last, as masked.
    frames: str
    #: The lines after the frames.
    tail: tuple[Member, ...]


def trace_member(masked: str, exemplar: str) -> Member:
    """Take a stack trace apart."""
    lines, whole = masked[:MAX_TRACE_CHARACTERS].split(LINE_BREAK), exemplar.split(LINE_BREAK)
    framed = [index for index, line in enumerate(lines) if frame_of(line) is not None]
    first, last = framed[0], framed[-1] + 1
    while last < len(lines) and lines[last][:1].isspace():
        last += 1
    structure = TraceStructure(
        skeleton=outline_of_lines(masked) or masked,
        columns=(),
        head=_members(lines[:first], whole[:first]),
        frames=LINE_BREAK.join(lines[first:last]),
        tail=_members(lines[last:], whole[last:]),
    )
    return Member(structure, {})


def _members(lines: Sequence[str], whole: Sequence[str]) -> tuple[Member, ...]:
    return tuple(
        Member(structure_of(line), mask_values(line, written)) for line, written in zip(lines, whole, strict=False)
    )


def trace_template(members: Sequence[Member]) -> str:
    """The template of stack traces with the same errors and frames."""
    traces = [member.structure for member in members if isinstance(member.structure, TraceStructure)]
    # The line next to the frames says most: it names the error.
    head = _lines_in_common([trace.head[::-1] for trace in traces])[::-1]
    tail = _lines_in_common([trace.tail for trace in traces])
    return LINE_BREAK.join(line for line in (*head, traces[0].frames, *tail) if line)


def _lines_in_common(texts: Sequence[Sequence[Member]]) -> list[str]:
    """The template of each line that all texts have; one wildcard for further lines of some."""
    shortest = min(len(lines) for lines in texts)
    common = [_line_in_common([lines[index] for lines in texts]) for index in range(shortest)]
    return common + ([MASK] if any(len(lines) > shortest for lines in texts) else [])


def _line_in_common(members: Sequence[Member]) -> str:
    """The template of lines of any skeletons: the words with which all begin and end, and what is between."""
    by_skeleton: defaultdict[str, list[Member]] = defaultdict(list)
    for member in members:
        by_skeleton[member.structure.skeleton].append(member)
    texts = [template_of(alike).split(" ") for alike in by_skeleton.values()]
    if len(texts) == 1:
        return " ".join(texts[0])
    shortest = min(len(text) for text in texts)
    before = next((n for n in range(shortest) if len({text[n] for text in texts}) > 1), shortest)
    rest = shortest - before
    after = next((n for n in range(rest) if len({text[-1 - n] for text in texts}) > 1), rest)
    return " ".join([*texts[0][:before], MASK, *(texts[0][-after:] if after else [])])
