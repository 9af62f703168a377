"""What the service says in its logs while a world is lived through."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from tests.simulation.world import World


@contextlib.contextmanager
def listening(world: World) -> Iterator[None]:
    """Errors in logs break the run; other logs go to the trace."""

    def hear(logger: Any, level: str, entry: Any) -> Any:
        if level in ("error", "critical", "exception"):
            world.broken(f"the service's log: {entry}")
        world.note(f"  log {level} {dict(entry)}")
        raise structlog.DropEvent

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.ERROR:
                world.broken(f"the link's log: {record.getMessage()} {record.exc_info}")
            world.note(f"  log {record.levelname} {record.getMessage()}")

    before = structlog.get_config()
    structlog.configure(processors=[structlog.processors.format_exc_info, hear])
    telephony = logging.getLogger("telephony")
    level, propagate, handler = telephony.level, telephony.propagate, Handler()
    telephony.addHandler(handler)
    telephony.setLevel(logging.DEBUG if world.say else logging.ERROR)
    telephony.propagate = False
    try:
        yield
    finally:
        telephony.removeHandler(handler)
        telephony.setLevel(level)
        telephony.propagate = propagate
        structlog.configure(**before)
