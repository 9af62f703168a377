"""Structured logs on standard error, for every library in the process, without phone numbers.

Levels: ``debug`` is for finding a fault; ``info`` is what happened, calls among it; ``warning`` is what goes
on by itself but should not have been; ``error`` is what was lost or needs a person.

:class:`CallLog` writes the life of every call, so that ``grep '"request":"<id>"'`` is its trace.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from collections import deque
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, TextIO

import structlog

from seats.domain import events as ev
from seats.domain.requests import Why
from seats.masking import mask

log = structlog.get_logger("seats.calls")

_IDS = frozenset(
    {"request", "offer", "agent", "node", "subject", "key", "timestamp", "at", "level", "logger", "port"}
)
"""Fields that hold ids and times, never a number; ids have long digits of their own (Unix seconds)."""

_NUMBER = re.compile(r"(?<![0-9.])\+?(?:[0-9][ -]?){6,19}[0-9](?![0-9]|\.[0-9])")
"""A run of 7 to 20 digits, wherever it stands; not the id ``1790000000.12`` of a channel, not a fraction."""

FLUSH_EVERY = 0.2
"""Seconds by which the trace of calls may lag: it is written beside the ring path, not in it."""


def scrub(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask whatever looks like a phone number, in every text of an entry, nested ones too."""
    for key, value in event.items():
        if key not in _IDS:
            event[key] = _scrubbed(value)
    return event


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return _NUMBER.sub(lambda found: mask(found[0]), value)
    if isinstance(value, Mapping):
        return {k: _scrubbed(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_scrubbed(v) for v in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _scrubbed(str(value))


def configure(*, json: bool, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """JSON for machines, readable lines for a terminal; libraries' own loggers go the same way."""
    out = stream or sys.stderr
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
    ]
    shape: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False, separators=(",", ":"))
        if json
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.PositionalArgumentsFormatter(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, scrub, shape],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("alembic").setLevel(max(level, logging.WARNING))  # tells of every look at a schema
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


class CallLog:
    """Logs the core's events, a little behind them. Subscribe :meth:`sink`; run :meth:`run`."""

    def __init__(self, say: Callable[..., Any] | None = None) -> None:
        self._say = say or log.info
        self._waiting: deque[ev.Event] = deque()

    def sink(self, events: Sequence[ev.Event]) -> None:
        """Take events; never waits."""
        self._waiting.extend(e for e in events if type(e) in _TOLD)

    async def run(self) -> None:
        """Write for ever, one line at a time: calls go before. When cancelled, what is left as well."""
        try:
            while True:
                await asyncio.sleep(FLUSH_EVERY)
                while self._waiting:
                    self._write(self._waiting.popleft())
                    await asyncio.sleep(0)
        finally:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        while self._waiting:
            self._write(self._waiting.popleft())

    def _write(self, event: ev.Event) -> None:
        name, fields = _TOLD[type(event)]
        said = {field: getattr(event, field) for field in fields}
        request = said.get("request") or ""
        if ":" in str(request):
            said.setdefault("node", str(request).partition(":")[0])
        if isinstance(event, ev.RequestOpened):
            said["number_masked"] = mask(event.number)
        self._say(name, at=round(event.at, 3), **{k: _plain(v) for k, v in said.items() if v is not None})


def _plain(value: Any) -> Any:
    if isinstance(value, Why):
        return str(value)
    return round(value, 3) if isinstance(value, float) else value


_TOLD: dict[type, tuple[str, tuple[str, ...]]] = {
    ev.RequestOpened: ("request_opened", ("request", "node", "province", "reconstructed")),
    ev.RingOpened: ("ring_opened", ("request", "province", "ring", "pool")),
    ev.RequestPromoted: ("request_promoted", ("request", "province")),
    ev.CallerTold: ("caller_told", ("request", "province", "position", "minutes")),
    ev.OfferMade: ("offer_made", ("request", "offer", "agent", "province", "pool", "ring", "why")),
    ev.OfferEnded: ("offer_ended", ("request", "offer", "agent", "province", "result", "detail")),
    ev.RequestReturned: ("request_returned", ("request", "province")),
    ev.RequestDecided: (
        "request_decided",
        ("request", "agent", "province", "outcome", "queue", "ring", "reason"),
    ),
    ev.CallBroken: ("call_broken", ("request", "offer", "agent", "province", "talk", "fault")),
    ev.CallEnded: ("call_ended", ("request", "agent", "province", "talk", "ended_by")),
    ev.RequestClosed: ("request_closed", ("request",)),
    ev.ProvinceSteered: ("province_steered", ("province", "level", "was", "credit", "waiting", "reserve")),
    ev.ObjectiveJudged: ("objective_judged", ("province", "feasible", "missing", "cause")),
    ev.BreakRecalled: ("break_recalled", ("agent", "province")),
    ev.VoicemailLeft: ("voicemail_left", ("request", "file", "length")),
    ev.CallbackAsked: ("callback_asked", ("callback", "request", "province", "source")),
    ev.CallbackChanged: (
        "callback_changed",
        ("callback", "province", "state", "due_at", "attempts", "agent", "reason"),
    ),
    ev.CallbackTried: (
        "callback_tried",
        ("callback", "call", "province", "agent", "result", "talk", "detail"),
    ),
    ev.RoutingChanged: ("routing_live", ("version", "actor")),
}
