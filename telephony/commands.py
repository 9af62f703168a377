"""AMI actions, as plain dicts ready for ``Session.send``. Pure; ill-formed values raise BadValueError.

None needs more than the ``call``, ``reporting`` and ``agent`` write classes, but for the calls that we place
ourselves: they need ``originate``.
"""

from __future__ import annotations

import re

from telephony.errors import BadValueError

Action = dict[str, str | list[str]]
"""Header name → value, or values of a header sent more than once."""

LINE_LIMIT = 900
"""Bytes of one ``Name: value`` line; Asterisk refuses lines over about 1 kB."""

_CHANNEL = re.compile(r"[A-Za-z][A-Za-z0-9]*/[A-Za-z0-9_.@:+;/-]{1,150}")
_OFFER = re.compile(r"[0-9a-z]{1,40}")
_ADDRESS = re.compile(r"[A-Za-z0-9_]{1,40}")
_MOBILE = re.compile(r"\+?[0-9]{3,20}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")
_QUEUE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")
_INTERFACE = re.compile(r"[A-Za-z][A-Za-z0-9]*/[A-Za-z0-9_.@+-]{1,100}")
_ENTRY = re.compile(r"[A-Za-z0-9_.-]{1,80}/[A-Za-z0-9_.-]{1,120}")
_FAMILY = re.compile(r"[A-Za-z0-9_.-]{1,80}(/[A-Za-z0-9_.-]{1,120})?")
_PATH = re.compile(r"/[A-Za-z0-9_./-]{1,200}")
_OUTCOMES = ("timeout", "no_seat", "closed", "callback")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_/]{0,59}")
_EXTEN_LIMIT = 79

RING_WITHIN = 3
"""Whole seconds after which the PBX refuses a ring that reached it late: as old as a heartbeat may be there."""


def check(action: Action) -> None:
    """Raise BadValueError for an action that Asterisk would cut, refuse or read as more than one."""
    if not action.get("Action"):
        raise BadValueError("no name", "header Action", "one AMI action name")
    for name, values in action.items():
        if not name or not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
            raise BadValueError(f"header name {name!r}", "action", "letters, digits, - and _")
        for value in values if isinstance(values, list) else (values,):
            check_line(name, value)


def check_line(name: str, value: str) -> None:
    """Raise BadValueError for a value that cannot stand in one AMI line (a bare LF ends a line too)."""
    if "\r" in value or "\n" in value or "\0" in value:
        raise BadValueError(f"value {value[:80]!r}", f"header {name}", "no CR, LF or NUL")
    try:
        size = len(name) + 2 + len(value.encode())
    except UnicodeEncodeError:
        raise BadValueError(f"value {value[:80]!r}", f"header {name}", "text that UTF-8 can carry") from None
    if size > LINE_LIMIT:
        raise BadValueError(f"line of {size} bytes", f"header {name}", f"at most {LINE_LIMIT} bytes")


def ring(channel: str, offer: str, timeout: int, kind: str, address: str, good_until: int = 0) -> Action:
    """Move a holding caller to ring a seat for ``timeout`` seconds.

    Kind ``s``: the address is a PJSIP endpoint; ``m``: a mobile number. ``good_until``: the last second of the
    PBX's clock in which the ring may begin; 0: it may at any time.
    """
    return _redirect(channel, "seats-connect", _connect_exten(offer, timeout, kind, address, good_until))


def _connect_exten(offer: str, timeout: int, kind: str, address: str, good_until: int) -> str:
    if kind not in ("s", "m"):
        raise BadValueError(repr(kind), "kind", "s or m")
    _match(_OFFER, offer, "offer", "1 to 40 of 0-9 a-z")
    _between(timeout, 1, 600, "timeout")
    if kind == "s":
        _match(_ADDRESS, address, "address", "1 to 40 of A-Z a-z 0-9 _")
    elif not _MOBILE.fullmatch(address):
        raise BadValueError("not a phone number", "address", "3 to 20 digits, + before them if any")
    _between(good_until, 0, 9_999_999_999, "good_until")
    exten = f"o-{offer}-{timeout}-{kind}-{address}" + (f"-{good_until}" if good_until else "")
    if len(exten) > _EXTEN_LIMIT:
        raise BadValueError(f"extension of {len(exten)} characters", "offer and address", str(_EXTEN_LIMIT))
    return exten


def hold(channel: str) -> Action:
    """Bring a caller (back) to holding; a seat that rings for them stops ringing."""
    return _redirect(channel, "seats-hold", "s")


def goodbye(channel: str, outcome: str) -> Action:
    """Tell a holding caller why nobody comes, or that they will be called back, and hang up."""
    if outcome not in _OUTCOMES:
        raise BadValueError(repr(outcome), "outcome", ", ".join(_OUTCOMES))
    return _redirect(channel, "seats-goodbye", outcome)


def tell(channel: str, position: int, minutes: int) -> Action:
    """Have a holding caller hear the place in line and the minutes of wait, each 0 to 99, 0: not said."""
    _match(_CHANNEL, channel, "channel", "TECH/name")
    _between(position, 0, 99, "position")
    _between(minutes, 0, 99, "minutes")
    return {
        "Action": "Setvar",
        "Channel": channel,
        "Variable": "SEATS_TELL",
        "Value": f"{position}-{minutes}",
    }


def overflow(channel: str, way: str, argument: str, outcome: str) -> Action:
    """Let a holding caller go otherwise: ``callback`` (asks first), ``voicemail``, ``message``, ``number``.

    ``argument``: the sound file of a message, or the number to dial; ``outcome``: as of :func:`goodbye`.
    """
    if outcome not in _OUTCOMES:
        raise BadValueError(repr(outcome), "outcome", ", ".join(_OUTCOMES))
    if way == "message":
        _match(_FILE, argument, "file", "1 to 60 of A-Z a-z 0-9 _ and /")
    elif way == "number" and not _MOBILE.fullmatch(argument):
        raise BadValueError("not a phone number", "argument", "3 to 20 digits, + before them if any")
    extens = {
        "callback": f"ask-{outcome}",
        "voicemail": "voicemail",
        "message": f"message-{argument}",
        "number": f"dial-{argument}",
    }
    if way not in extens:
        raise BadValueError(repr(way), "way", ", ".join(extens))
    return _redirect(channel, "seats-overflow", extens[way])


def call_agent(
    request: str,
    offer: str,
    timeout: int,
    kind: str,
    address: str,
    number: str,
    ring_customer: int,
    good_until: int = 0,
) -> Action:
    """Ring a seat for a callback and, once it answers, dial the customer's number (needs ``originate``).

    ``request`` is the attempt as the PBX shall name it; ``timeout`` and ``ring_customer`` are seconds;
    ``good_until``: as of :func:`ring`. The ids of the two channels are made of the offer's: the PBX refuses to
    place the same call twice.
    """
    _attempt(request, number, ring_customer)
    exten = _connect_exten(offer, timeout, kind, address, good_until)
    return {
        "Action": "Originate",
        "Channel": f"Local/{exten}@seats-callback/n",
        "Context": "seats-callback",
        "Exten": f"n-{ring_customer}",
        "Priority": "1",
        "Timeout": str((timeout + 5) * 1000),
        "ChannelId": f"seats-{offer}-1",
        "OtherChannelId": f"seats-{offer}-2",
        "Async": "true",
        "Variable": [f"SEATS_REQUEST={request}", f"SEATS_CLI={number}", "SEATS_CALLBACK=agent"],
    }


def call_customer(request: str, number: str, timeout: int) -> Action:
    """Dial a customer for ``timeout`` seconds, and hold who answers (needs ``originate``).

    The id of the customer's side is the attempt's name: the PBX refuses to place the same call twice.
    """
    _attempt(request, number, timeout)
    return {
        "Action": "Originate",
        "Channel": f"Local/d-{timeout}@seats-callback/n",
        "Context": "seats-callback",
        "Exten": "held",
        "Priority": "1",
        "Timeout": str((timeout + 5) * 1000),
        "ChannelId": request,
        "OtherChannelId": f"{request}-2",
        "Async": "true",
        "Variable": [f"SEATS_REQUEST={request}", f"SEATS_CLI={number}", "SEATS_CALLBACK=customer"],
    }


def _attempt(request: str, number: str, ring_customer: int) -> None:
    _match(_OFFER, request, "request", "1 to 40 of 0-9 a-z")
    if not _MOBILE.fullmatch(number):
        raise BadValueError("not a phone number", "number", "3 to 20 digits, + before them if any")
    _between(ring_customer, 1, 600, "timeout")


def hangup(channel: str, cause: int = 16) -> Action:
    """Hang a channel up with a Q.850 cause."""
    _match(_CHANNEL, channel, "channel", "TECH/name")
    _between(cause, 1, 127, "cause")
    return {"Action": "Hangup", "Channel": channel, "Cause": str(cause)}


def set_global(name: str, value: str) -> Action:
    """Set a PBX global variable; functions are refused."""
    _match(_VARIABLE, name, "variable", "a name of A-Z a-z 0-9 _")
    check_line("Value", value)
    return {"Action": "Setvar", "Variable": name, "Value": value}


def get_global(name: str) -> Action:
    """Read a PBX global variable; the reply's header ``Value`` has it."""
    _match(_VARIABLE, name, "variable", "a name of A-Z a-z 0-9 _")
    return {"Action": "Getvar", "Variable": name}


def device_state(address: str) -> Action:
    """Ask for one seat's device state: ``NOT_INUSE``, ``UNAVAILABLE``, … in the reply's header ``Value``."""
    _match(_ADDRESS, address, "address", "1 to 40 of A-Z a-z 0-9 _")
    return {"Action": "Getvar", "Variable": f"DEVICE_STATE(PJSIP/{address})"}


def journal_line(place: str, page: int, index: int) -> Action:
    """Read one line of the dialplan's journal beside ``place`` (``ASTDBDIR``); past its end ``Value`` is empty."""
    _match(_PATH, place, "place", "a path of A-Z a-z 0-9 _ . / -")
    return {"Action": "Getvar", "Variable": f"AST_CONFIG({place}-seats-{page},seats,r,{index})"}


def ping() -> Action:
    """Ask whether the PBX listens."""
    return {"Action": "Ping"}


def core_show_channels() -> Action:
    """List all channels (needs ``reporting``)."""
    return {"Action": "CoreShowChannels"}


def bridge_list() -> Action:
    """List all bridges."""
    return {"Action": "BridgeList"}


def device_states() -> Action:
    """List all device states: which seats are reachable (needs ``call`` or ``reporting``)."""
    return {"Action": "DeviceStateList"}


def db_tree(family: str = "seats") -> Action:
    """List a family of the PBX's own database (needs ``reporting``)."""
    _match(_FAMILY, family, "family", "letters, digits, _ . - and one /")
    return {"Action": "DBGetTree", "Family": family}


def db_delete(key: str) -> Action:
    """Forget an entry ``family/key`` of the PBX's database, by way of a function that ``call`` may write."""
    _match(_ENTRY, key, "key", "family/key of A-Z a-z 0-9 _ . -")
    return {"Action": "Setvar", "Variable": f"DB_DELETE({key})", "Value": "1"}


def queue_status(queue: str) -> Action:
    """List a queue's members and callers."""
    _match(_QUEUE, queue, "queue", "1 to 80 of A-Z a-z 0-9 _ . -")
    return {"Action": "QueueStatus", "Queue": queue}


def queue_add(
    queue: str, interface: str, *, name: str = "", penalty: int = 0, paused: bool = False
) -> Action:
    """Make an interface such as ``PJSIP/1001`` a member of a (fallback) queue (needs ``agent``)."""
    _between(penalty, 0, 1000, "penalty")
    action = _member("QueueAdd", queue, interface)
    action |= {"Penalty": str(penalty), "Paused": _flag(paused)}
    if name:
        check_line("MemberName", name)
        action["MemberName"] = name
    return action


def queue_remove(queue: str, interface: str) -> Action:
    """Take a member out of a (fallback) queue (needs ``agent``)."""
    return _member("QueueRemove", queue, interface)


def queue_pause(queue: str, interface: str, paused: bool, reason: str = "") -> Action:
    """Pause or resume a member of a (fallback) queue (needs ``agent``)."""
    action = _member("QueuePause", queue, interface)
    action["Paused"] = _flag(paused)
    if reason:
        check_line("Reason", reason)
        action["Reason"] = reason
    return action


def _redirect(channel: str, context: str, exten: str) -> Action:
    _match(_CHANNEL, channel, "channel", "TECH/name")
    return {"Action": "Redirect", "Channel": channel, "Context": context, "Exten": exten, "Priority": "1"}


def _member(action: str, queue: str, interface: str) -> Action:
    _match(_QUEUE, queue, "queue", "1 to 80 of A-Z a-z 0-9 _ . -")
    _match(_INTERFACE, interface, "interface", "TECH/name")
    return {"Action": action, "Queue": queue, "Interface": interface}


def _flag(on: bool) -> str:
    return "true" if on else "false"


def _match(pattern: re.Pattern[str], value: str, where: str, allowed: str) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise BadValueError(repr(value)[:80], where, allowed)


def _between(value: int, low: int, high: int, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadValueError(repr(value)[:80], where, f"a whole number from {low} to {high}")
