"""The words of a question and of patterns. Pure."""

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from tocsin.query.tokens import tokens_of

MAX_TERMS = 40
"""Of a question: each is looked for in every candidate."""

TEXT_HASH_BYTES = 16

_FUNCTION_WORDS = """
a about all an and any are as at be been but by can could did do does for from had has have how i if in into is it its
many me much my no not of on or our over please s she should show so some tell than that the their them then there these
they this those to us was we were what when where which who whom whose why will with would you your
"""
#: What a question is made of, whatever it is about.
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())

#: What holds the parts of one value together: ``10.0.0.1:80``, ``blk_-123``, ``/var/log``, ``28.0``.
_JOINED = re.compile(r"\w+(?:[-.:/@\\+#=]{1,3}\w+)+")
#: What holds them together most: the address in ``10.0.0.1:80``.
_TIGHTLY_JOINED = re.compile(r"\w+(?:[-.]{1,2}\w+)+")
_WILDCARD = re.compile(r"<(?:\*|[a-z]+)>")
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Term:
    """One token, or tokens that stand next to each other: what is looked for in a message, as ``query`` means it."""

    tokens: tuple[str, ...]
    #: Whether it is a part of a longer term.
    is_part: bool = False

    @property
    def text(self) -> str:
        """For people."""
        return " ".join(self.tokens)

    def contains(self, other: "Term") -> bool:
        """Whether another, shorter term is a part of this one."""
        length = len(other.tokens)
        starts = range(len(self.tokens) - length + 1) if length < len(self.tokens) else ()
        return any(self.tokens[start : start + length] == other.tokens for start in starts)

    @property
    def has_digit(self) -> bool:
        """Whether it is likely to be a value, and not a word."""
        return any(character.isdigit() for token in self.tokens for character in token)


def terms_of(question: str) -> tuple[Term, ...]:
    """What a question asks for, without the words that every question has; each once, in order."""
    wholes = _joined(_JOINED, question)
    pieces = [tokens for tokens in _joined(_TIGHTLY_JOINED, question) if tokens not in wholes]
    parts = {token for tokens in wholes for token in tokens}
    singles = [token for token in tokens_of(question) if token not in FUNCTION_WORDS]
    terms = [
        *(Term(tokens) for tokens in wholes),
        *(Term(tokens, is_part=True) for tokens in pieces),
        *(Term((token,), is_part=token in parts) for token in singles),
    ]
    return tuple(dict.fromkeys(terms))[:MAX_TERMS]


@dataclass(frozen=True, slots=True)
class TemplateWords:
    """What a template says."""

    #: The tokens that are no wildcards.
    constants: frozenset[str]
    #: Stands for ``readable``: what a vector is kept under.
    text_hash: bytes


@lru_cache(maxsize=100_000)
def template_words(template: str) -> TemplateWords:
    """What a template says; remembered, since catalogues change by a few templates at a time."""
    constants = frozenset(tokens_of(_WILDCARD.sub(" ", template)))
    return TemplateWords(constants, blake2b(readable(template).encode(), digest_size=TEXT_HASH_BYTES).digest())


def readable(template: str) -> str:
    """A template or a masked text as a sentence of its constant words, which is what a model is shown."""
    return " ".join(_NO_WORD.sub(" ", _WILDCARD.sub(" ", template)).split())


def _joined(expression: re.Pattern[str], text: str) -> list[tuple[str, ...]]:
    return [tokens for joined in expression.findall(text) if len(tokens := tokens_of(joined)) > 1]
