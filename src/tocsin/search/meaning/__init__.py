"""Search by meaning: a question in a person's words → the logs that answer it, best first.

In: a question; the patterns of an organization. Out: logs, each with how relevant it is and why. ``embedder`` keeps a
vector for each pattern and owns the table ``pattern_embeddings``; ``index`` ranks patterns, ``candidates`` finds rows,
``ranking`` ranks these, ``service`` puts them together. Rows are never embedded: patterns are few.
"""
