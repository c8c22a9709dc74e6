"""Patterns: shapes → patterns, what people see in place of millions of lines.

In: the shapes that logs have, each with its masked text and one whole message. Out: patterns: clusters of shapes, each
with a readable template of constant words and typed wildcards. ``contracts`` is its face; ``clustering`` is the
algorithm, which does no I/O. ``api``, ``wiring`` and features further down the data path may call it.
"""
