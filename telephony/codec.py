"""AMI bytes → messages, incrementally. Pure: no I/O, no clock.

Events are judged by their first line while still bytes; only wanted ones are decoded and parsed. A message is
decoded when it is whole, so a character split over two segments survives.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from telephony.errors import LinkLostError

Message = dict[str, str | list[str]]
"""One AMI message: header name as sent → value, or values if the header came more than once."""

log = logging.getLogger(__name__)

_END = b"\r\n\r\n"
_EVENT = b"Event: "
_GREETING = b"Asterisk Call Manager/"


class Codec:
    """Cuts a byte stream into messages; ``wanted`` None keeps every event.

    ``decode`` makes of one whole event's bytes what ``feed`` gives; None is left out. ``answers`` gathers
    what was asked for: responses, and events whose ActionID is in ``lists``. ``seen`` counts all messages.
    """

    __slots__ = (
        "_decode",
        "_heads",
        "_lines",
        "_rest",
        "_wanted",
        "answers",
        "greeting",
        "limit",
        "lists",
        "seen",
    )

    def __init__(
        self,
        wanted: Iterable[str] | None,
        decode: Callable[[bytes], Any] | None = None,
        *,
        limit: int = 1 << 20,
    ) -> None:
        self._wanted = None if wanted is None else frozenset(wanted)
        self._lines = frozenset(_EVENT + name.encode() for name in self._wanted or ())
        self._heads = frozenset((line + b"\r\n")[:10] for line in self._lines)
        self._decode = decode or parse
        self._rest = b""
        self.greeting = ""
        self.answers: list[Message] = []
        self.lists: set[str] = set()
        self.limit = limit
        self.seen = 0

    def feed(self, data: bytes) -> list[Any]:
        """Give the wanted events completed by these bytes, decoded, in order.

        Raises LinkLostError if the peer does not speak AMI or a message grows over ``limit`` bytes.
        """
        if self._rest:
            data = self._rest + data
        if not self.greeting:
            data = self._greet(data)
        parts = data.split(_END)
        self._rest = parts.pop()
        if len(self._rest) > self.limit:
            raise LinkLostError(f"a message of over {self.limit} bytes", "AMI stream", "shorter messages")
        self.seen += len(parts)
        return self._select(parts)

    def _greet(self, data: bytes) -> bytes:
        line, end, rest = data.partition(b"\r\n")
        if not end and len(data) < 200:
            return data
        if not line.startswith(_GREETING):
            raise LinkLostError(f"greeting {line[:60]!r}", "AMI stream", "Asterisk Call Manager/<version>")
        self.greeting = line.decode("utf-8", "replace")
        return rest

    def _select(self, parts: list[bytes]) -> list[Any]:
        heads, lines, lists = self._heads, self._lines, self.lists
        everything = self._wanted is None
        found: list[Any] = []
        for part in parts:
            # Most events are unwanted, and told by three letters: nothing is searched in them.
            wanted = everything
            if part[:10] in heads:
                cut = part.find(b"\r\n")
                wanted = (part[:cut] if cut >= 0 else part) in lines
            elif part[:7] != _EVENT:
                self._odd(part, found)
                continue
            if lists and b"\r\nActionID: " in part and self._listed(part):
                continue
            if wanted:
                self._keep(part, found)
        return found

    def _keep(self, part: bytes, found: list[Any]) -> None:
        try:
            event = self._decode(part)
        except Exception:
            log.exception("an event could not be read: %r", part[: part.find(b"\r\n")])
            return
        if event is not None:
            found.append(event)

    def _listed(self, part: bytes) -> bool:
        message = parse(part)
        if str(message.get("ActionID")) not in self.lists:
            return False
        self.answers.append(message)
        return True

    def _odd(self, part: bytes, found: list[Any]) -> None:
        """Judge what does not start like an ordinary event: a response, or another header before the name."""
        part = part.lstrip(b"\r\n")
        message = parse(part)
        name = message.get("Event")
        if "Response" in message or (name is not None and str(message.get("ActionID")) in self.lists):
            self.answers.append(message)
        elif isinstance(name, str) and (self._wanted is None or name in self._wanted):
            self._keep(part, found)


def parse(part: bytes) -> Message:
    """Read one whole message; lines that are no headers are left out, odd bytes become U+FFFD."""
    lines = part.decode("utf-8", "replace").split("\r\n")
    pairs: list[Any] = [line.split(": ", 1) for line in lines]
    try:
        message: Message = dict(pairs)  # a line that is no pair raises
    except ValueError:
        return _parse_odd(lines)
    return message if len(message) == len(pairs) else _parse_odd(lines)


def _parse_odd(lines: list[str]) -> Message:
    message: Message = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            continue
        value = value.removeprefix(" ")
        known = message.get(name)
        if known is None:
            message[name] = value
        elif isinstance(known, list):
            known.append(value)
        else:
            message[name] = [known, value]
    return message
