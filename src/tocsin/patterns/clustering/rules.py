"""The rules of the clustering, by name: ``tocsin evaluate patterns --ablate`` shows what each is worth."""

from enum import StrEnum


class Rule(StrEnum):
    """What can be left out. The text after a name says what holds with it."""

    #: Of a JSON or key="value" body one key's text tells what happened; what other keys have are values.
    TELLING_KEYS = "telling keys"
    #: Days and months in words belong to the numbers beside them.
    DATES = "dates in words"
    #: Words of hexadecimal digits, and words with two digits in them, are values.
    NUMBERED_WORDS = "words with digits"
    #: A word that begins with a slash, and a dotted one with slashes, is a path.
    PATHS = "paths"
    #: What is written together with a masked part is one value.
    TOGETHER = "written together"
    #: The query of a URL belongs to it.
    QUERIES = "queries"
    #: A masked word before ``::`` is a name of the program.
    MASKED_NAMES = "masked names"
    #: true, false and null are values.
    CONSTANTS = "true and null"
    #: "for user ada", "from host db": the name after such words is a value.
    NAMED_VALUES = "for user, from host"
    #: A quoted word with a digit, slash or at is a value; so is a text in quotes after quotes that begins with one.
    QUOTED = "quoted words"
    #: What follows ``key=`` is a value.
    KEY_VALUES = "key=value"
    #: A list in brackets is a value.
    LISTS = "lists"
    #: Empty brackets and parentheses hold a value that is empty here.
    EMPTY = "empty brackets"
    #: Signs and units belong to a number.
    AMOUNTS = "signs and units"
    #: Values in a row are one value.
    RUNS = "runs of values"
    #: A key's value that never varied is shown.
    SINGLE_VALUES = "single values shown"
    #: Beside a wildcard, and constants, any word is a value.
    BESIDE_WILDCARD = "beside a wildcard"
    #: Two words with a digit, slash, at or two dots are values.
    VERY_VARIABLE = "2 very variable"
    #: Four words of any look are values.
    PLAIN = "4 plain"
    #: Words that say what happens are no values.
    EVENTS = "what happens stays"
    #: The first word is a value only with much more evidence.
    FIRST_WORD = "first word stays"
    #: Texts equal but for identifiers, in any number of columns, are one pattern.
    CLASSES = "identifiers in columns"
    #: Texts equal but for words in capitals, in any number of columns, are one pattern.
    CAPITALS = "capitals in columns"
    #: A value may have several words, or none, where texts are equal otherwise.
    WORD_COUNTS = "several words"


#: All rules hold.
NOTHING: frozenset[Rule] = frozenset()
