"""The port of rate limits: how often something may happen, counted for all who ask.

In: a bucket's name and a rate. Out: an ``Allowance``: whether it may happen now, and what to tell the caller. Owns the
buckets, and nothing that must outlive a restart. ``ports.py`` is its face, ``addresses.py`` says which address a
caller counts as; ``backends/`` holds memory, for one process. Every feature and ``api`` may call it; only ``wiring``
picks a backend.
"""
