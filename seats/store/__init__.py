"""The ledger: what happened to every request, kept for ever; and the people and routing it needs."""

from seats.store.store import Store
from seats.store.writer import LedgerWriter

__all__ = ["LedgerWriter", "Store"]
