"""Vectors of patterns, for search by meaning.

Revision: 0006_pattern_embeddings, after 0005_patterns.
"""

import sqlalchemy as sa
from alembic import op

from tocsin.database.row_security import protect

revision = "0006_pattern_embeddings"
down_revision = "0005_patterns"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "pattern_embeddings",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("text_hash", sa.LargeBinary(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "model", "text_hash", name="pk_pattern_embeddings"),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name="fk_pattern_embeddings_organization_id_organizations",
            ondelete="CASCADE",
        ),
    )
    protect("pattern_embeddings")


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("pattern_embeddings")
