"""Alembic migrations, run by ``seats.store.schema``."""
