"""Plain words: a question in English → a query, an aggregate or a comparison; pure, without I/O.

In: a text, the moment it was said, a time zone, and the services and fields that there are. Out: a ``Translation``
(``contracts``) made by ``translator.translate``. It reads by rules over words, so the same text means the same as long
as the vocabulary does, and it says what it took each word for and which words it left.
"""
