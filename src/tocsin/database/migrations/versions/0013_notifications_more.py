"""Secrets of channels are sealed; API keys say what they are for.

No release has kept a secret in the old form, so none is converted: a channel from before has none, and it has to be
set again. Keys from before send logs, as they did.

Revision: 0013_notifications_more, after 0011_signals.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013_notifications_more"
down_revision = "0011_signals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the columns."""
    op.drop_column("notification_channels", "secret")
    op.add_column("notification_channels", sa.Column("sealed_secret", sa.LargeBinary(), nullable=True))
    op.add_column("api_keys", sa.Column("scopes", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Change them back."""
    op.drop_column("api_keys", "scopes")
    op.drop_column("notification_channels", "sealed_secret")
    op.add_column("notification_channels", sa.Column("secret", sa.Text(), nullable=False, server_default=""))
