"""Who calls whom, as learned from traces.

Revision: 0012_topology, after 0011_signals.
"""

import sqlalchemy as sa
from alembic import op

from tocsin.database.row_security import protect

revision = "0012_topology"
down_revision = "0011_signals"
branch_labels = None
depends_on = None

TABLES = ("topology_looks", "topology_calls")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "topology_looks",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("looked_until_unix_nano", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name="pk_topology_looks"),
        _of_an_organization("topology_looks"),
    )
    op.create_table(
        "topology_calls",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("callee", sa.Text(), nullable=False),
        sa.Column("calls", sa.Double(), nullable=False),
        sa.Column("failed", sa.Double(), nullable=False),
        sa.Column("indirect", sa.Double(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "caller", "callee", name="pk_topology_calls"),
        _of_an_organization("topology_calls"),
    )
    for table in TABLES:
        protect(table)


def downgrade() -> None:
    """Drop the tables."""
    for table in TABLES:
        op.drop_table(table)


def _of_an_organization(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id"],
        ["organizations.id"],
        name=f"fk_{table}_organization_id_organizations",
        ondelete="CASCADE",
    )
