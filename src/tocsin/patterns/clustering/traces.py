"""Stack traces as structures: the text before and after the frames may vary, the frames are what they are."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tocsin.logmodel.masking import MASK
from tocsin.patterns.clustering.bodies import LINE_BREAK, frame_of, outline_of_lines
from tocsin.patterns.clustering.refining import structure_of
from tocsin.patterns.clustering.structure import Member, Structure, mask_values
from tocsin.patterns.clustering.templates import template_of


@dataclass(frozen=True, slots=True)
class TraceStructure(Structure):
    """A stack trace; its skeleton is its errors and frames."""

    head: Member
    #: From the first frame to the last, as masked.
    frames: str
    tail: Member


def trace_member(masked: str, exemplar: str) -> Member:
    """Take a stack trace apart."""
    lines, whole = masked.split(LINE_BREAK), exemplar.split(LINE_BREAK)
    framed = [index for index, line in enumerate(lines) if frame_of(line) is not None]
    first, last = framed[0], framed[-1] + 1
    while last < len(lines) and lines[last][:1].isspace():
        last += 1
    structure = TraceStructure(
        skeleton=outline_of_lines(masked) or masked,
        columns=(),
        head=_member(lines[:first], whole[:first]),
        frames=LINE_BREAK.join(lines[first:last]),
        tail=_member(lines[last:], whole[last:]),
    )
    return Member(structure, {})


def _member(lines: Sequence[str], whole: Sequence[str]) -> Member:
    text = LINE_BREAK.join(lines)
    return Member(structure_of(text), mask_values(text, LINE_BREAK.join(whole)))


def trace_template(members: Sequence[Member]) -> str:
    """The template of stack traces with the same errors and frames."""
    traces = [member.structure for member in members if isinstance(member.structure, TraceStructure)]
    head = _text_in_common([trace.head for trace in traces])
    tail = _text_in_common([trace.tail for trace in traces])
    return LINE_BREAK.join(part for part in (head, traces[0].frames, tail) if part)


def _text_in_common(members: Sequence[Member]) -> str:
    """The template of texts of any skeletons: the words with which all begin and end, and what is between."""
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
