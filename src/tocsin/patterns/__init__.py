"""Patterns: shapes → patterns, which are what people see.

In: the shapes of stored logs, read from the log store after a position; what people decide about patterns (merges,
splits, names, mutes). Out: ``PatternCatalogue``, a snapshot that says which pattern a shape belongs to. Owns the
registry of shapes and the edits. The algorithms (``clustering``, ``grouping``, ``variables``) do no I/O; ``service`` is
the room's face. ``ingest`` wakes it; ``search`` and features further down the data path may call it.
"""
