"""The first schema.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _ledger()
    _logs()
    _people()
    _small()


def downgrade() -> None:
    raise NotImplementedError("the ledger is kept for ever: restore a backup instead")


def _ledger() -> None:
    op.create_table(
        "requests",
        sa.Column("id", sa.Text, nullable=False),
        *(_text(n) for n in ("node", "channel", "uniqueid", "linkedid", "did", "number")),
        *(_text(n) for n in ("province", "source", "confidence")),
        sa.Column("arrived_at", sa.Double, nullable=False),
        *(sa.Column(n, sa.Double) for n in ("decided_at", "answered_at", "ended_at")),
        sa.Column("outcome", sa.Text),
        sa.Column("agent", sa.Text),
        *(sa.Column(n, sa.Double) for n in ("queue_s", "ring_s", "talk_s")),
        *(sa.Column(n, sa.Text) for n in ("ended_by", "reason", "disposition")),
        sa.Column("reconstructed", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
    )
    _index("requests", "arrived_at", "id")
    _index("requests", "province", "arrived_at", "id")
    _index("requests", "outcome", "arrived_at", "id")
    _index("requests", "province", "outcome")
    still_open = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_requests_open",
        "requests",
        ["arrived_at", "id"],
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    op.create_table(
        "offers",
        *(_text(n) for n in ("id", "request", "agent", "pool")),
        sa.Column("ring", sa.Integer, nullable=False),
        _text("why"),
        sa.Column("made_at", sa.Double, nullable=False),
        sa.Column("rang_at", sa.Double),
        sa.Column("ended_at", sa.Double),
        sa.Column("result", sa.Text),
        sa.Column("detail", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_offers"),
    )
    _index("offers", "request")
    _index("offers", "agent", "made_at")


def _logs() -> None:
    op.create_table(
        "agent_states",
        sa.Column("seq", _SERIAL, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        *(_text(n) for n in ("agent", "chosen", "machine", "reason", "cause")),
        sa.Column("request", sa.Text),
        sa.Column("offer", sa.Text),
        sa.Column("wrap_up_until", sa.Double),
        sa.Column("reserved", sa.Text),
        sa.Column("reserved_reason", sa.Text),
        sa.PrimaryKeyConstraint("seq", name="pk_agent_states"),
    )
    _index("agent_states", "agent", "at", "seq")
    op.create_table(
        "audit",
        sa.Column("seq", _SERIAL, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        *(_text(n) for n in ("actor", "action", "subject")),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    _index("audit", "subject", "seq")


def _people() -> None:
    op.create_table(
        "agents",
        *(_text(n) for n in ("id", "name", "province")),
        sa.Column("pools", sa.JSON, nullable=False),
        *(_text(n) for n in ("seat_kind", "seat_address")),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agents"),
    )
    active = sa.text("active")
    op.create_index(
        "uq_agents_seat_address",
        "agents",
        ["seat_address"],
        unique=True,
        sqlite_where=active,
        postgresql_where=active,
    )
    op.create_table(
        "users",
        sa.Column("id", _SERIAL, nullable=False),
        *(_text(n) for n in ("login", "name", "password_hash", "role")),
        sa.Column("agent_id", sa.Text),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("login", name="uq_users_login"),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_users_agent_id"),
    )
    op.create_table(
        "sessions",
        _text("token_hash"),
        sa.Column("user_id", _SERIAL, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_sessions"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_sessions_user_id", ondelete="CASCADE"),
    )
    _index("sessions", "user_id")
    _index("sessions", "expires_at")


def _small() -> None:
    op.create_table(
        "routing_versions",
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        _text("actor"),
        _text("comment"),
        sa.Column("plan", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_routing_versions"),
    )
    op.create_table(
        "meta",
        _text("key"),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )
    op.create_table(
        "writers",
        _text("id"),
        sa.Column("batch", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_writers"),
    )


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
