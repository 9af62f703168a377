"""The store's errors: each says what was wrong, where, and what is allowed."""

from __future__ import annotations


class StoreError(Exception):
    """Root of the store's errors. ``where`` names the database (without password), table or key."""

    def __init__(self, where: str, what: str, allowed: str) -> None:
        super().__init__(f"{where}: {what}; allowed: {allowed}")
        self.where, self.what, self.allowed = where, what, allowed


class BadDatabaseUrlError(StoreError):
    """The URL names no database that can be used."""


class UnreachableDatabaseError(StoreError):
    """The database does not answer, refuses us or stays locked. Trying again later may help."""


class SchemaError(StoreError):
    """The database's schema is not the one this program works with."""


class NewerSchemaError(SchemaError):
    """The database was made by a newer version of this program: nothing is touched."""


class OldSchemaError(SchemaError):
    """The database is empty or older than this program: it wants an upgrade."""


class ConflictError(StoreError):
    """Something else already has this name or place, or changed in between."""


class NotFoundError(StoreError):
    """Nothing has this name."""


class BadCursorError(StoreError):
    """A page cursor that was not given out by us."""
