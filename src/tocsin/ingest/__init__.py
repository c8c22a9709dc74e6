"""Ingest: bytes of any protocol → stored logs.

In: request bodies and files. Out: rows in the log store, dead letters for records that can't be stored, and an
outcome that accounts for every record. Owns the tables ``dead_letters``, ``idempotency_keys`` and
``ingest_usage``.
The path: ``protocols.<x>.decode`` (columns + rejects) → ``normalise`` (columns in one form, more rejects) → content
hash and shape → ``LogStore.write`` → acknowledged. Called by ``api`` through ``endpoints``, and by later features
through ``service``.
"""
