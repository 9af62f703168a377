"""Runs the migrations over the connection that ``seats.store.schema`` passes in."""

from __future__ import annotations

from alembic import context

from seats.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()  # the caller holds the transaction: all or nothing
