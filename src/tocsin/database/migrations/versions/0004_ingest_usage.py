"""What came in, by API key and day.

Revision: 0004_ingest_usage, after 0003_accounts.
"""

import sqlalchemy as sa
from alembic import op

from tocsin.database.row_security import protect

revision = "0004_ingest_usage"
down_revision = "0003_accounts"
branch_labels = None
depends_on = None

_COUNTS = ("received", "stored", "duplicates", "dead_letters", "bytes")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "ingest_usage",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _COUNTS),
        sa.PrimaryKeyConstraint("organization_id", "day", "key_id", name="pk_ingest_usage"),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name="fk_ingest_usage_organization_id_organizations",
            ondelete="CASCADE",
        ),
    )
    protect("ingest_usage")


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("ingest_usage")
