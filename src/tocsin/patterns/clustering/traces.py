"""Stack traces as structures: the text before and after the frames may vary, the frames are what they are."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tocsin.logmodel.masking import MASK
from tocsin.patterns.clustering.bodies import LINE_BREAK, frame_of, outline_of_lines
from tocsin.patterns.clustering.refining import structure_of
from tocsin.patterns.clustering.structure import Structure
from tocsin.patterns.clustering.templates import template_of


@dataclass(frozen=True, slots=True)
class TraceStructure(Structure):
    """A stack trace; its skeleton is its errors and frames."""

    head: Structure
    #: From the first frame to the last, as masked.
    frames: str
    tail: Structure


def trace_structure(masked: str, values: Sequence[str]) -> TraceStructure:
    """Take a stack trace apart; arguments as for ``structure_of``."""
    lines = masked.split(LINE_BREAK)
    framed = [index for index, line in enumerate(lines) if frame_of(line) is not None]
    first, last = framed[0], framed[-1] + 1
    while last < len(lines) and lines[last][:1].isspace():
        last += 1
    head, frames, tail = (LINE_BREAK.join(part) for part in (lines[:first], lines[first:last], lines[last:]))
    if masked.count(MASK) != len(values):
        values = [MASK] * masked.count(MASK)
    before, after = head.count(MASK), len(values) - tail.count(MASK)
    return TraceStructure(
        skeleton=outline_of_lines(masked) or masked,
        columns=(),
        head=structure_of(head, values[:before]),
        frames=frames,
        tail=structure_of(tail, values[after:]),
    )


def trace_template(members: Sequence[Structure]) -> str:
    """The template of stack traces with the same errors and frames."""
    traces = [member for member in members if isinstance(member, TraceStructure)]
    head = _text_in_common([trace.head for trace in traces])
    tail = _text_in_common([trace.tail for trace in traces])
    return LINE_BREAK.join(part for part in (head, traces[0].frames, tail) if part)


def _text_in_common(structures: Sequence[Structure]) -> str:
    """The template of structures of any skeletons: the words with which all begin and end, and what is between."""
    by_skeleton: defaultdict[str, list[Structure]] = defaultdict(list)
    for structure in structures:
        by_skeleton[structure.skeleton].append(structure)
    texts = [template_of(members).split(" ") for members in by_skeleton.values()]
    if len(texts) == 1:
        return " ".join(texts[0])
    shortest = min(len(text) for text in texts)
    before = next((n for n in range(shortest) if len({text[n] for text in texts}) > 1), shortest)
    rest = shortest - before
    after = next((n for n in range(rest) if len({text[-1 - n] for text in texts}) > 1), rest)
    return " ".join([*texts[0][:before], MASK, *(texts[0][-after:] if after else [])])
