"""What incidents are made of: signals, why they are grouped, what people corrected, and deploys.

Revision: 0011_signals, after 0010_detection.
"""

import sqlalchemy as sa
from alembic import op

from tocsin.database.row_security import protect

revision = "0011_signals"
down_revision = "0010_detection"
branch_labels = None
depends_on = None

_TABLES = ("signals", "signal_edges", "incident_corrections", "deploys")


def upgrade() -> None:
    """Make the tables and columns."""
    for column in _incident_columns():
        op.add_column("incidents", column)
    op.add_column("incident_entries", sa.Column("incident", sa.JSON(), nullable=True))
    _create_signals()
    _create_corrections()
    op.create_table(
        "deploys",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("at_unix_nano", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "service", "at_unix_nano", "version", name="pk_deploys"),
        _of_organization("deploys"),
    )
    for table in _TABLES:
        protect(table)


def downgrade() -> None:
    """Drop them; what only they can say becomes a plain change."""
    for table in reversed(_TABLES):
        op.drop_table(table)
    op.execute("UPDATE incident_entries SET change = 'updated' WHERE change IN ('unlinked', 'merged', 'regrouped')")
    op.drop_column("incident_entries", "incident")
    for column in reversed(_incident_columns()):
        op.drop_column("incidents", column.name)


def _incident_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("causes", sa.JSON(), nullable=True),
        sa.Column("last_signal_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("from_signals", sa.Boolean(), nullable=True),
        sa.Column("edited", sa.JSON(), nullable=True),
    ]


def _create_signals() -> None:
    op.create_table(
        "signals",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_over", sa.Boolean(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signal", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_signals"),
        _of_organization("signals"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name="fk_signals_incident_id_incidents", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_signals_organization_id_incident_id", "signals", ["organization_id", "incident_id"])
    op.create_table(
        "signal_edges",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("second", sa.Uuid(), nullable=False),
        sa.Column("first", sa.Uuid(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "second", name="pk_signal_edges"),
        _of_organization("signal_edges"),
    )


def _create_corrections() -> None:
    op.create_table(
        "incident_corrections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("correction", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incident_corrections"),
        _of_organization("incident_corrections"),
    )
    op.create_index(
        "ix_incident_corrections_organization_id_sequence", "incident_corrections", ["organization_id", "sequence"]
    )


def _of_organization(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id"],
        ["organizations.id"],
        name=f"fk_{table}_organization_id_organizations",
        ondelete="CASCADE",
    )
