"""Agents' skills, and the priority class of a caller.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("agents", sa.Column("skills", sa.JSON, nullable=False, server_default="{}"))
    op.add_column("requests", sa.Column("klass", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    raise NotImplementedError("the ledger is kept for ever: restore a backup instead")
