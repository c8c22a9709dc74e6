"""Logs in ClickHouse: embedded in this process (chDB), or over HTTP.

In: log batches to keep, syntax trees to answer. Out: stored logs, as Arrow, and counts of them. Owns the database
``tocsin`` in ClickHouse and, embedded, the write-ahead log beside it. Only ``wiring`` picks a store from here; both
stores share the schema, the printer and the reader, so that one SQL serves a laptop and a cluster.
"""
