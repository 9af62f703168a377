"""What reaches Asterisk's configuration files."""

from __future__ import annotations

import hashlib
import hmac
import re
from pathlib import Path

import pytest

from telephony.errors import BadValueError
from telephony.provisioning import AMI_UNHEARD, PjsipSeat, render_manager, render_pjsip, seat_secret
from telephony.translate import WANTED

PACK = Path(__file__).parents[2] / "config" / "asterisk"
SECRET = "0123456789abcdef01234567"


def test_a_secret_is_the_hmac_of_the_address() -> None:
    expected = hmac.new(b"master", b"web001", hashlib.sha256).hexdigest()[:24]
    assert seat_secret("master", "web001") == expected
    assert seat_secret("master", "web002") != expected
    assert seat_secret("other", "web001") != expected


@pytest.mark.parametrize("address", ["", "a b", "a-b", "a;b", "a\nb", "座席", "x" * 33, "a]", "../a", "a/b"])
def test_an_ill_formed_address_is_refused(address: str) -> None:
    with pytest.raises(BadValueError, match=r"seat address.*allowed: 1 to 32"):
        seat_secret("master", address)
    with pytest.raises(BadValueError, match="allowed"):
        render_pjsip([("sip", address, SECRET)])


def test_a_secret_needs_a_master() -> None:
    with pytest.raises(BadValueError, match="master secret"):
        seat_secret("", "web001")


def test_every_seat_gets_endpoint_auth_and_aor_of_its_kind() -> None:
    text = render_pjsip([PjsipSeat("browser", "web001", SECRET), ("sip", "sip_2", SECRET)])
    assert "[web001](seats-browser)\nauth = web001\naors = web001\n" in text
    assert f"[web001](seats-auth)\nusername = web001\npassword = {SECRET}\n" in text
    assert "[web001](seats-browser-aor)\n" in text
    assert "[sip_2](seats-sip)\n" in text
    assert "[sip_2](seats-sip-aor)\n" in text


def test_the_templates_it_builds_on_are_in_the_pack() -> None:
    templates = (PACK / "pjsip_seats.conf").read_text()
    for name in ("seats-browser", "seats-browser-aor", "seats-sip", "seats-sip-aor", "seats-auth"):
        assert f"[{name}](!)" in templates


def test_options_are_added_to_their_sections() -> None:
    text = render_pjsip(
        [("sip", "sip1", SECRET)],
        options={"endpoint": {"rtp_timeout": "0"}, "aor": {"qualify_frequency": "5"}},
    )
    assert "aors = sip1\nrtp_timeout = 0\n" in text
    assert "[sip1](seats-sip-aor)\nqualify_frequency = 5\n" in text


@pytest.mark.parametrize(
    "options",
    [
        {"transport": {"a": "b"}},
        {"endpoint": {"a\nb": "c"}},
        {"endpoint": {"a": "b\n[c]"}},
        {"aor": {"a": "b;c"}},
    ],
)
def test_options_cannot_break_out(options: dict[str, dict[str, str]]) -> None:
    with pytest.raises(BadValueError, match="allowed"):
        render_pjsip([], options=options)


@pytest.mark.parametrize("secret", ["", "short", "with space", "semi;colon", "line\nbreak", "x" * 129])
def test_an_ill_formed_secret_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(BadValueError) as refused:
        render_pjsip([("sip", "sip1", secret)])
    assert not secret or secret not in str(refused.value)
    with pytest.raises(BadValueError):
        render_manager("seats", secret)


def test_kinds_and_doubles_are_refused() -> None:
    with pytest.raises(BadValueError, match=r"kind 'mobile'.*browser, sip"):
        render_pjsip([("mobile", "m1", SECRET)])
    with pytest.raises(BadValueError, match="listed twice"):
        render_pjsip([("sip", "a", SECRET), ("browser", "a", SECRET)])


def test_the_account_has_the_least_rights() -> None:
    lines = dict(
        line.split(" = ", 1) for line in render_manager("seats", "averygoodone").splitlines() if " = " in line
    )
    assert lines["write"] == "call,agent,reporting"
    assert not {"system", "command", "config", "originate", "all"} & set(lines["write"].split(","))
    assert lines["permit"].startswith("127.0.0.1")


def test_the_account_gets_what_the_service_reads_and_little_else() -> None:
    unheard = re.compile(f"^Event: ({AMI_UNHEARD})")
    assert not [name for name in WANTED if unheard.match(f"Event: {name}\r\n")]
    noise = (
        "Newchannel Newstate NewCallerid Newexten BridgeCreate BridgeDestroy QueueMemberStatus AgentCalled"
    )
    assert [name for name in noise.split() if not unheard.match(f"Event: {name}\r\n")] == []


def test_the_sample_account_is_the_rendered_one() -> None:
    sample = (PACK / "manager_seats.conf").read_text()
    effective = [line for line in sample.splitlines() if line and not line.startswith(";")]
    assert effective == render_manager("seats", "CHANGE-ME").splitlines()


@pytest.mark.parametrize("username", ["", "a b", "a]\n[b", "x" * 33])
def test_an_ill_formed_username_is_refused(username: str) -> None:
    with pytest.raises(BadValueError, match="AMI username"):
        render_manager(username, "averygoodone")


def test_a_permit_cannot_break_out() -> None:
    with pytest.raises(BadValueError, match="AMI permit"):
        render_manager("seats", "averygoodone", permit="0.0.0.0/0\nwrite = all")


def test_the_account_may_place_calls_only_where_people_are_called_back() -> None:
    assert "write = call,agent,reporting,originate\n" in render_manager("seats", "averygoodone", calls=True)
    assert "originate" not in render_manager("seats", "averygoodone")
