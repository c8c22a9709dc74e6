"""The relational port: where everything but logs is kept.

In: a database URL (SQLite or PostgreSQL), and rooms' SQLAlchemy statements. Out: sessions in a transaction, the base
class and the portable types of rooms' tables. Owns the engine, the schema's history (``migrations``) and the
translation of driver errors. Every feature may call it; it knows no feature, and no feature's tables.
"""
