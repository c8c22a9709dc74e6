"""Logs in PostgreSQL, for a team that wants one database.

In: log batches to keep, syntax trees to answer. Out: stored logs, as Arrow, and counts of them. Owns the schema
``logstore`` of the database. Only ``wiring`` picks the store from here.

Two ideas carry it. A write takes the row lock of its organization's ledger before it numbers its logs, so the numbers
grow with the commits. A query becomes two conditions, one that holds for certain and one that misses nothing; what
lies between them is decided by the oracle's own words (``backends.memory.evaluate``).
"""
