"""Alembic's entry: runs scripts over the connection that ``tocsin.database.migration`` passes in."""

from alembic import context

# Scripts are explicit, so Alembic needs no metadata here; a test compares what they make with the rooms' tables.
context.configure(connection=context.config.attributes["connection"], target_metadata=None, transactional_ddl=True)

with context.begin_transaction():
    context.run_migrations()
