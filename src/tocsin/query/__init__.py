"""The query language: text → syntax tree, with errors that say where.

In: what a person typed. Out: ``tree.Node`` (frozen dataclasses), or ``InvalidQuery`` with positions.
Knows no SQL and no store. ``tokens`` fixes what a token is, for every backend. Anyone may import it; it imports
only ``kit`` and ``logmodel``.
"""
