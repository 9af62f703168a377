"""Callbacks and their attempts.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "callbacks",
        *(_text(n) for n in ("id", "number", "province", "did", "node", "request", "source")),
        sa.Column("requests", sa.Integer, nullable=False),
        sa.Column("asked_at", sa.Double, nullable=False),
        _text("state"),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        *(_text(n) for n in ("agent", "reason")),
        sa.Column("changed_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_callbacks"),
    )
    _index("callbacks", "request")
    _index("callbacks", "asked_at", "id")
    _index("callbacks", "state", "changed_at")
    op.create_table(
        "callback_attempts",
        *(_text(n) for n in ("id", "callback", "agent")),
        sa.Column("agent_first", sa.Boolean, nullable=False),
        sa.Column("began_at", sa.Double, nullable=False),
        sa.Column("reached_at", sa.Double),
        sa.Column("ended_at", sa.Double, nullable=False),
        _text("result"),
        sa.Column("talk_s", sa.Double, nullable=False),
        _text("detail"),
        sa.PrimaryKeyConstraint("id", name="pk_callback_attempts"),
    )
    _index("callback_attempts", "callback", "began_at")


def downgrade() -> None:
    raise NotImplementedError("the ledger is kept for ever: restore a backup instead")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
