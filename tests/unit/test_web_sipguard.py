"""A browser may speak SIP only as its own seat."""

from __future__ import annotations

import pytest

from seats.web.sipguard import Guard, SipRefusedError


def sip(
    method: str = "REGISTER",
    user: str = "web001",
    to: str = "<sip:web001@seats>",
    *extra: str,
    from_: str | None = None,
    body: str = "",
    length: int | None = None,
) -> str:
    lines = [
        f"{method} sip:seats SIP/2.0",
        "Via: SIP/2.0/WS abc.invalid;branch=z9hG4bK1",
        f"From: {from_ or f'<sip:{user}@seats>;tag=x1'}",
        f"To: {to}",
        "Call-ID: 1@abc.invalid",
        f"CSeq: 1 {method}",
        *extra,
        f"Content-Length: {len(body.encode()) if length is None else length}",
    ]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def allowed(frame: str | bytes, guard: Guard | None = None) -> bool:
    try:
        (guard or Guard("web001")).check(frame)
    except SipRefusedError:
        return False
    return True


@pytest.mark.parametrize(
    "frame",
    [
        sip(),
        sip().encode(),
        "\r\n\r\n",
        "\r\n",
        sip(from_='"安娜 <sip:admin@seats>" <sip:web001@seats>;tag=1'),
        sip(from_="Anna Li <sip:web001@seats;transport=ws>;tag=1"),
        sip(from_="sip:web001@seats;tag=1"),
        sip("INVITE", to="<sip:1000@seats>", body="v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=座席\r\n"),
        sip("OPTIONS", to="<sip:seats>"),
        sip("BYE", to='"138****5678" <sip:138****5678@10.0.0.1>;tag=as1'),
        sip(
            "REGISTER",
            "web001",
            "<sip:web001@seats>",
            'Authorization: Digest username="web001", realm="asterisk"',
        ),
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/WS x\r\nFrom: <sip:1@pbx>;tag=1\r\nTo: <sip:abc@x.invalid>;tag=2\r\n"
        "Content-Length: 0\r\n\r\n",
    ],
)
def test_what_a_browser_phone_says(frame: str | bytes) -> None:
    assert allowed(frame)


@pytest.mark.parametrize(
    "frame",
    [
        sip(user="web002"),
        sip("INVITE", "web002", "<sip:1000@seats>"),
        sip("INVITE", user="WEB001"),
        sip("INVITE", user="%77eb001"),
        sip(to="<sip:web002@seats>"),  # registers another's address
        sip(from_='"web001" <sip:web002@seats>;tag=1'),
        sip(from_='"a\\" <sip:web001@seats>" <sip:web002@seats>'),
        sip(from_="<sip:web002@seats>, <sip:web001@seats>"),
        sip(from_="<sip:web001:pw@seats>"),
        sip(from_="<sip:web001@web002@seats>"),
        sip(from_="<tel:+8613812345678>"),
        sip("REGISTER", "web001", "<sip:web001@seats>", "From: <sip:web002@seats>"),
        sip("REGISTER", "web001", "<sip:web001@seats>", "f: <sip:web002@seats>"),
        sip("REGISTER", "web001", "<sip:web001@seats>", "From : <sip:web002@seats>"),
        sip("REGISTER", "web001", "<sip:web001@seats>", "X: 1\nFrom: <sip:web002@seats>"),
        sip("REGISTER", "web001", "<sip:web001@seats>", "X: 1\rFrom: <sip:web002@seats>"),
        sip("REGISTER", "web001", "<sip:web001@seats>", "X: 1", " folded"),
        sip("REGISTER", "web001", "<sip:web001@seats>", 'Authorization: Digest username="web002"'),
        sip("REGISTER", "web001", "<sip:web001@seats>", "Authorization: Digest realm=x"),
        sip(
            "INVITE",
            "web001",
            "<sip:1@s>",
            'Proxy-Authorization: Digest username="web001", username="web002"',
        ),
        sip("MESSAGE"),
        sip("SUBSCRIBE"),
        sip(length=5),
        sip(body="x", length=0),
        sip() + sip(user="web002"),
        "\r\n\r\n" + sip(user="web002"),
        sip().replace("\r\n", "\n"),
        sip().replace("web001@seats>;tag", "web001@seats>;\x00tag"),
        sip().replace("Content-Length: 0", "Content-Length: ٠"),
        sip().replace("SIP/2.0\r\nVia", "SIP/1.0\r\nVia"),
        sip().removesuffix("\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\xff\xfe\x00",
        "x" * 60000,
    ],
)
def test_what_it_must_not_say(frame: str | bytes) -> None:
    assert not allowed(frame)


def test_inside_a_dialog_it_speaks_as_its_registered_contact() -> None:
    guard = Guard("web001")
    bye = sip("BYE", "k3j2h1", "<sip:138@10.0.0.1>;tag=as1")
    assert not allowed(bye, guard)
    assert allowed(
        sip(
            "REGISTER",
            "web001",
            "<sip:web001@seats>",
            "Contact: <sip:k3j2h1@abc.invalid;transport=ws>;expires=60",
        ),
        guard,
    )
    assert allowed(bye, guard)
    assert not allowed(sip("INVITE", "k3j2h1", "<sip:138@10.0.0.1>"), guard)  # a new dialog
    assert not allowed(sip("REGISTER", "k3j2h1", "<sip:web001@seats>;tag=1"), guard)
