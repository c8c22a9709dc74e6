"""Durable jobs.

Revision: 0008_jobs, after 0007_incidents.
"""

import sqlalchemy as sa
from alembic import op

from tocsin.database.row_security import protect

revision = "0008_jobs"
down_revision = "0007_incidents"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_by", sa.Uuid(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint("organization_id", "kind", "key", name="uq_jobs_organization_id_kind_key"),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name="fk_jobs_organization_id_organizations",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_jobs_kind_not_before", "jobs", ["kind", "not_before"])
    protect("jobs")


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("jobs")
