"""The single writer: takes messages one at a time, steps the core, carries effects, tells the readers."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from seats.domain.effects import Effect
from seats.domain.errors import DomainError
from seats.domain.events import Event
from seats.domain.messages import Message, Tick
from seats.domain.reducer import step
from seats.domain.state import State
from seats.domain.tally import Tally
from seats.engine.clock import Clock

log = structlog.get_logger(__name__)

Sink = Callable[[Sequence[Event]], None]


class LinkView(NamedTuple):
    """How a node's link is, for people."""

    state: str
    reason: str


class Engine:
    """Owns the live state. Everything else posts messages to it or reads the events it tells."""

    def __init__(self, state: State, tally: Tally, clock: Clock | None = None) -> None:
        self.state = state
        self.tally = tally
        self.clock = clock or Clock()
        self.links: dict[str, LinkView] = {}
        self.leader = True
        self.carry: Callable[[Effect], None] = lambda effect: None
        """Where effects go; set once at wiring."""
        self.took: Callable[[float], None] = lambda seconds: None
        """Told how long each step and the carrying of its effects took."""
        self.before_tick: list[Callable[[], None]] = []
        """Called before deadlines are handled: whoever slept through some time says so first."""
        self._inbox: deque[Message] = deque()
        self._sinks: list[Sink] = []
        self._stepping = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None

    def now(self) -> float:
        """Unix seconds (UTC), never jumping."""
        return self.clock.now()

    def subscribe(self, sink: Sink) -> Callable[[], None]:
        """Hear every event, in order, synchronously: be quick. The answer ends the subscription."""
        self._sinks.append(sink)
        return lambda: self._sinks.remove(sink)

    def post(self, message: Message) -> None:
        """Apply a message now, or right after the one being applied."""
        self._inbox.append(message)
        if not self._stepping:
            self._drain()

    def ask(self, message: Message) -> Sequence[Event]:
        """Apply a person's wish at once. Raises :class:`DomainError` if it is not allowed."""
        events = self._step(message)
        self._drain()
        return events

    def announce(self, event: Event) -> None:
        """Tell the readers of something that happened outside the core (a repair)."""
        self._tell([event])

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _drain(self) -> None:
        while self._inbox:
            message = self._inbox.popleft()
            try:
                self._step(message)
            except DomainError as error:
                log.warning("message_refused", message=type(message).__name__, error=str(error))
            except Exception:
                log.exception("message_failed", message=type(message).__name__)

    def _step(self, message: Message) -> list[Event]:
        self._stepping = True
        try:
            started = time.perf_counter()
            events, effects = step(self.state, message, self.now())
            for effect in effects if self.leader else ():  # first the ring, then those who want to know
                self.carry(effect)
            self.took(time.perf_counter() - started)
            if events:
                self.tally.apply(events)
                self._tell(events)
        finally:
            self._stepping = False
        self._set_timer()
        return events

    def _tell(self, events: list[Event]) -> None:
        for sink in self._sinks:
            try:
                sink(events)
            except Exception:  # a reader's fault must not stop calls
                log.exception("sink_failed", sink=getattr(sink, "__qualname__", repr(sink)))

    def _set_timer(self) -> None:
        due = self.state.next_deadline()
        if due == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_at = due
        if due is not None:
            loop = asyncio.get_running_loop()
            delay = max(0.0, due - self.now())
            self._timer = loop.call_later(delay, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._timer_at = None
        for look in self.before_tick:
            look()
        self.post(Tick())
        self._set_timer()
