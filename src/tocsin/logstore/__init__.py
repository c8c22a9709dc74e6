"""The columnar port: where logs are kept and scanned.

In: ``LogBatch`` to write, ``ScanPlan`` to read. Out: Arrow batches and counts. Owns the stored logs, their
``ingest_sequence`` and the ledger of what was received. ``ports.py`` is its face; ``backends/`` holds the memory
oracle, ClickHouse (embedded and over HTTP) and PostgreSQL. Only ``wiring`` picks a backend; ``ingest`` writes,
``search`` reads.
"""
