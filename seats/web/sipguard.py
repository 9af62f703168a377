"""Who a SIP frame claims to be. The proxy lets a browser speak only as its own seat.

Only what browsers' SIP stacks really send is accepted: one request or response per frame, CRLF line ends,
no folded lines, Content-Length to the byte. Anything a PBX could read differently is refused, so that no
second message hides behind the first.
"""

from __future__ import annotations

import re

MAX_FRAME = 64 * 1024
LEARNED = 8
"""Contact users remembered for one connection."""

_METHODS = frozenset(
    {"REGISTER", "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "PRACK", "NOTIFY", "REFER"}
)
_START = re.compile(r"([A-Z]+) sips?:[^\s]{1,512} SIP/2\.0")
_STATUS = re.compile(r"SIP/2\.0 [1-6][0-9]{2} .{0,256}")
_NAME = re.compile(r"[A-Za-z0-9!%*_+`'~.-]+")
_LONE = re.compile(r"\r(?!\n)|(?<!\r)\n|\x00")
_USER = r"(?P<user>[A-Za-z0-9_.+-]{1,64})@[A-Za-z0-9.:\[\]-]{1,255}"
_ANY_USER = r"(?:(?P<user>[^<>@\s\",;]{1,128})@)?[A-Za-z0-9.:\[\]-]{1,255}"
_QUOTED = r'"(?:[^"\\]|\\.)*"'


def _name_addr(user: str) -> re.Pattern[str]:
    """``"Name" <sip:user@host;…>;tag=…`` or the bare form without brackets."""
    return re.compile(
        rf"""(?:(?:{_QUOTED}\s*|[A-Za-z0-9\-.!%*_+`'~ ]*)<sips?:{user}(?:;[^<>",]*)?>"""
        rf"""|sips?:{user.replace("user", "bare")})(?P<params>(?:\s*;[^<>",]*)?)"""
    )


_ADDRESS = {"from": _name_addr(_USER), "to": _name_addr(_ANY_USER)}
_AUTH_USER = re.compile(r'(?:^|[\s,])username\s*=\s*(?:"([^"\\]*)"|([^\s",]+))', re.IGNORECASE)
_SHORT = {"f": "from", "t": "to", "m": "contact", "l": "content-length", "i": "call-id", "v": "via"}
_ONCE = ("from", "to", "content-length", "call-id", "cseq")


class SipRefusedError(Exception):
    """A frame that this seat may not send."""


class Guard:
    """Checks the frames of one browser phone whose endpoint is ``user``."""

    def __init__(self, user: str) -> None:
        self._user = user
        self._contacts: list[str] = []

    def check(self, frame: str | bytes) -> None:
        """Raise :class:`SipRefusedError` unless the frame may go to the PBX."""
        text = frame.decode("utf-8", "surrogateescape") if isinstance(frame, bytes) else frame
        if not text.strip("\r\n"):
            return  # keep-alive
        head, separator, body = text.partition("\r\n\r\n")
        if not separator:
            raise SipRefusedError("no end of headers")
        start, headers = _headers(head)
        _check_length(headers, len(body.encode("utf-8", "surrogateescape")))
        if _STATUS.fullmatch(start):
            return
        method = _START.fullmatch(start)
        if method is None or method[1] not in _METHODS:
            raise SipRefusedError("not a request a seat may send")
        self._check_request(method[1], headers)

    def _check_request(self, method: str, headers: dict[str, list[str]]) -> None:
        user, _ = _address(headers, "from")
        to_user, to_params = _address(headers, "to")
        in_dialog = method != "REGISTER" and ";tag=" in to_params.lower()
        if user != self._user and not (in_dialog and user in self._contacts):
            raise SipRefusedError("From is another seat")
        if method == "REGISTER":
            if to_user != self._user:
                raise SipRefusedError("registers another seat")
            self._learn(headers.get("contact", []))
        for name in ("authorization", "proxy-authorization"):
            for value in headers.get(name, []):
                self._check_credentials(value)

    def _check_credentials(self, value: str) -> None:
        names = [a or b for a, b in _AUTH_USER.findall(value)]
        if names != [self._user]:
            raise SipRefusedError("credentials of another seat")

    def _learn(self, contacts: list[str]) -> None:
        """Dialogs the PBX opens carry the contact's user: it may speak inside them."""
        for value in contacts:
            match = re.match(rf"(?:{_QUOTED}\s*)?<?sips?:{_USER}", value)
            if match and match["user"] not in self._contacts:
                self._contacts = [*self._contacts[-LEARNED + 1 :], match["user"]]


def _headers(head: str) -> tuple[str, dict[str, list[str]]]:
    if _LONE.search(head):
        raise SipRefusedError("line ends that can be read in two ways")
    start, *lines = head.split("\r\n")
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t")
        if not colon or not _NAME.fullmatch(name):
            raise SipRefusedError("a header that can be read in two ways")
        name = name.lower()
        headers.setdefault(_SHORT.get(name, name), []).append(value.strip(" \t"))
    for name in _ONCE:
        if len(headers.get(name, [])) > 1:
            raise SipRefusedError(f"two {name} headers")
    return start, headers


def _check_length(headers: dict[str, list[str]], size: int) -> None:
    given = headers.get("content-length", ["0"])[0]
    if not (given.isascii() and given.isdigit()) or int(given[:9]) != size or len(given) > 9:
        raise SipRefusedError("Content-Length does not fit the frame")


def _address(headers: dict[str, list[str]], name: str) -> tuple[str, str]:
    values = headers.get(name, [])
    match = _ADDRESS[name].fullmatch(values[0]) if values else None
    if match is None:
        raise SipRefusedError(f"no readable {name} header")
    return match["user"] or match["bare"] or "", match["params"]
