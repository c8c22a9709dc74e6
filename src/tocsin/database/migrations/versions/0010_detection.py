"""What detection knows of organizations, and who follows them.

Revision: 0010_detection, after 0009_notifications.
"""

import sqlalchemy as sa
from alembic import op

from tocsin.database.row_security import protect

revision = "0010_detection"
down_revision = "0009_notifications"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "detection_states",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("ingest_sequence", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=True),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_by", sa.Uuid(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", name="pk_detection_states"),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name="fk_detection_states_organization_id_organizations",
            ondelete="CASCADE",
        ),
    )
    protect("detection_states")


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("detection_states")
