"""What is said of a text's form to who wrote another: for people, in place of the pattern that checks it."""

FORM_IN_WORDS = "form_in_words"
"""The entry of ``msgspec.Meta(extra=…)`` beside a ``pattern``; it completes "must be …"."""

NOT_BLANK = {FORM_IN_WORDS: "a text that is not blank, without control characters"}
NO_CONTROL_CHARACTERS = {FORM_IN_WORDS: "a text without control characters"}
NO_NUL = {FORM_IN_WORDS: "a text without the character NUL"}
