"""The vocabulary of logs: what a log is, as one record and as columns.

In: nothing. Out: ``Log`` and ``LogBatch``, levels, ids, metadata in canonical form, masks and shapes.
Owns no data and does no I/O. Anyone may import it; it imports only ``kit``.
"""
