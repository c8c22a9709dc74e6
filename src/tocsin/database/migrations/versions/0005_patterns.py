"""Shapes of an organization's logs, and what people decided about their patterns.

Revision: 0005_patterns, after 0004_ingest_usage.
"""

import sqlalchemy as sa
from alembic import op

from tocsin.database.row_security import protect

revision = "0005_patterns"
down_revision = "0004_ingest_usage"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "pattern_shapes",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("shape", sa.BigInteger(), nullable=False),
        sa.Column("first_seen_unix_nano", sa.BigInteger(), nullable=False),
        sa.Column("exemplar", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "shape", name="pk_pattern_shapes"),
        _of_organization("pattern_shapes"),
    )
    op.create_table(
        "pattern_positions",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("ingest_sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name="pk_pattern_positions"),
        _of_organization("pattern_positions"),
    )
    op.create_table(
        "pattern_edits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("shapes", sa.JSON(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pattern_edits"),
        _of_organization("pattern_edits"),
    )
    op.create_index("ix_pattern_edits_organization_id_created_at", "pattern_edits", ["organization_id", "created_at"])
    for table in ("pattern_shapes", "pattern_positions", "pattern_edits"):
        protect(table)


def downgrade() -> None:
    """Drop the tables."""
    for table in ("pattern_edits", "pattern_positions", "pattern_shapes"):
        op.drop_table(table)


def _of_organization(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id"],
        ["organizations.id"],
        name=f"fk_{table}_organization_id_organizations",
        ondelete="CASCADE",
    )
