"""Incidents, what happened in them, and the logs that are kept with them.

Revision: 0007_incidents, after 0006_pattern_embeddings.
"""

import sqlalchemy as sa
from alembic import op

from tocsin.database.row_security import protect

revision = "0007_incidents"
down_revision = "0006_pattern_embeddings"
branch_labels = None
depends_on = None

_TABLES = ("incident_counters", "incidents", "incident_entries", "incident_logs")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "incident_counters",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("incidents", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name="pk_incident_counters"),
        _of_organization("incident_counters"),
    )
    _create_incidents()
    op.create_table(
        "incident_entries",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "sequence", name="pk_incident_entries"),
        _of_organization("incident_entries"),
        _of_incident("incident_entries"),
    )
    _index("incident_entries", "organization_id", "incident_id")
    op.create_table(
        "incident_logs",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("log_id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("log", sa.JSON(), nullable=False),
        sa.Column("linked_by", sa.Uuid(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "log_id", name="pk_incident_logs"),
        _of_organization("incident_logs"),
        _of_incident("incident_logs"),
    )
    for table in _TABLES:
        protect(table)


def downgrade() -> None:
    """Drop the tables."""
    for table in reversed(_TABLES):
        op.drop_table(table)


def _create_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("affected_services", sa.JSON(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assignee", sa.Uuid(), nullable=True),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
        sa.UniqueConstraint("organization_id", "number", name="uq_incidents_organization_id_number"),
        _of_organization("incidents"),
    )
    _index("incidents", "organization_id", "status")
    _index("incidents", "organization_id", "opened_at")


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _of_organization(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id"],
        ["organizations.id"],
        name=f"fk_{table}_organization_id_organizations",
        ondelete="CASCADE",
    )


def _of_incident(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["incident_id"], ["incidents.id"], name=f"fk_{table}_incident_id_incidents", ondelete="CASCADE"
    )
