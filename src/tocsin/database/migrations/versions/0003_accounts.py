"""Accounts: sessions, personal access tokens, invitations, rotation of keys, quotas; row-level security.

Revision: 0003_accounts, after 0002_saved_searches.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from tocsin.database.row_security import protect, unprotect

revision = "0003_accounts"
down_revision = "0002_saved_searches"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")

_NEW_TABLES = ("invitations", "personal_tokens", "spent_tickets", "revocations", "sessions")
_PROTECTED = (
    "memberships",
    "services",
    "api_keys",
    "dead_letters",
    "idempotency_keys",
    "saved_searches",
    "sessions",
    "personal_tokens",
    "invitations",
)


def upgrade() -> None:
    """Make the tables, and keep transactions to the rows of their organization."""
    op.add_column("organizations", sa.Column("daily_quota_bytes", sa.BigInteger(), nullable=True))
    op.add_column("api_keys", sa.Column("replaced_by", sa.Uuid(), nullable=True))
    op.add_column("api_keys", sa.Column("signing_key_id", sa.Text(), nullable=True))
    _sessions()
    _personal_tokens()
    _invitations()
    for table in _PROTECTED:
        protect(table)
    protect("organizations", column="id")


def downgrade() -> None:
    """Drop what ``upgrade`` made: everybody is signed out, and personal access tokens are gone."""
    for table in ("organizations", *_PROTECTED):
        unprotect(table)
    for table in _NEW_TABLES:
        op.drop_table(table)
    op.drop_column("api_keys", "signing_key_id")
    op.drop_column("api_keys", "replaced_by")
    op.drop_column("organizations", "daily_quota_bytes")


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("used_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        _belongs_to("sessions", "user_id", "users"),
        _belongs_to("sessions", "organization_id", "organizations"),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "revocations",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("revoked_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("subject_id", name="pk_revocations"),
    )
    op.create_index("ix_revocations_revoked_at", "revocations", ["revoked_at"])
    op.create_table(
        "spent_tickets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("spent_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_spent_tickets"),
    )
    op.create_index("ix_spent_tickets_spent_at", "spent_tickets", ["spent_at"])


def _personal_tokens() -> None:
    op.create_table(
        "personal_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("keyed_hash", sa.LargeBinary(), nullable=False),
        sa.Column("signing_key_id", sa.Text(), nullable=False),
        sa.Column("scopes", _JSON, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("last_used_at", _MOMENT, nullable=True),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("revoked_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_personal_tokens"),
        _belongs_to("personal_tokens", "organization_id", "organizations"),
        _belongs_to("personal_tokens", "user_id", "users"),
    )
    op.create_index("ix_personal_tokens_user_id", "personal_tokens", ["user_id"])
    op.create_index("ix_personal_tokens_prefix", "personal_tokens", ["prefix"], unique=True)


def _invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("accepted_at", _MOMENT, nullable=True),
        sa.Column("withdrawn_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        _belongs_to("invitations", "organization_id", "organizations"),
        sa.CheckConstraint("role IN ('ADMIN', 'DEVELOPER', 'VIEWER')", name="ck_invitations_role"),
    )
    op.create_index("ix_invitations_organization_id", "invitations", ["organization_id"])


def _belongs_to(table: str, column: str, owner: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{owner}.id"], name=f"fk_{table}_{column}_{owner}", ondelete="CASCADE")
