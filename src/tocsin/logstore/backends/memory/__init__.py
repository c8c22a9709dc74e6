"""The memory store: the oracle that every other backend is compared with.

In and out: what ``logstore.ports`` says. Owns plain Python lists, for as long as the process lives. ``evaluate``
decides what a query matches, one log at a time. Only ``wiring`` and tests may use it; a backend whose database can't
tell of some logs whether they match asks ``evaluate``.
"""
