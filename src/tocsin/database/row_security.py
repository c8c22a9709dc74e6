"""Row-level security on PostgreSQL: what a statement forgets, the database still knows.

Every table with rows of organizations has one policy: a transaction sees and writes the rows of the organization that
it said it is for, or of all when it said so, or none. The policies are forced, so they hold for the tables' owner,
which Tocsin is; only a superuser or a role with ``BYPASSRLS`` is exempt, and ``tocsin doctor`` says so.
"""

from alembic import op

from tocsin.database.scopes import ALL_ORGANIZATIONS, SETTING, scope_text

POLICY = "one_organization"


def protect(table: str, *, column: str = "organization_id") -> None:
    """In a migration: keep transactions to the rows of their organization. Does nothing on SQLite."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    # A setting that nobody made is NULL, which lets no row pass.
    everything = scope_text(ALL_ORGANIZATIONS)
    op.execute(
        f"CREATE POLICY {POLICY} ON {table} "
        f"USING (current_setting('{SETTING}', true) IN ('{everything}', {column}::text))"
    )


def unprotect(table: str) -> None:
    """In a migration: undo ``protect``."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(f"DROP POLICY {POLICY} ON {table}")
    op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
