"""One AMI connection; among these, a regression test for each defect known of panoramisk 1.4."""

from __future__ import annotations

import asyncio
import re
import select
import socket
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvloop

from telephony import commands
from telephony.errors import (
    ActionRefusedError,
    ActionTimeoutError,
    BadValueError,
    LinkLostError,
    LoginRefusedError,
    UnreachableError,
)
from telephony.session import UNSENT_FOR, Login, Session, _connect_socket
from tests.unit.ami_server import Peer, Server, ami_server, until


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with ami_server() as made:
        yield made


async def connected(server: Server, **options: Any) -> Session:
    session = Session(server.login, **options)
    await session.connect(1.0)
    return session


def silent(action: dict[str, str], peer: Peer) -> None:
    """Answer the log-in and nothing else."""
    if action["Action"] == "Login":
        peer.answer(action)


async def test_logs_in_and_calls(server: Server) -> None:
    session = await connected(server)
    reply = await session.call(commands.ping())
    assert (reply.ok, reply.message) == (True, "fine")
    assert server.peer.got[0]["Events"] == "on"
    await session.close()
    assert not session.connected


async def test_an_actions_session_asks_for_no_events(server: Server) -> None:
    session = await connected(server, events=False)
    assert server.peer.got[0]["Events"] == "off"
    await session.close()


# 1. CR or LF in a value injects a second action.
@pytest.mark.parametrize("value", ["a\r\nAction: Originate", "a\nb", "a\0b", "x" * 950])
async def test_no_value_becomes_a_second_action(server: Server, value: str) -> None:
    session = await connected(server)
    with pytest.raises(BadValueError):
        session.send({"Action": "Setvar", "Variable": "X", "Value": value})
    await session.call(commands.ping())
    assert [action["Action"] for action in server.peer.got] == ["Login", "Ping"]
    await session.close()


# 2. Unanswered actions are kept and sent again after a reconnect.
async def test_a_lost_action_fails_and_is_never_sent_again(server: Server) -> None:
    server.reply = silent
    session = await connected(server)
    future = session.send({"Action": "Originate", "Channel": "Local/1@x"})
    await until(lambda: len(server.peer.got) == 2)
    server.peer.writer.transport.abort()
    with pytest.raises(LinkLostError):
        await future
    assert session.pending == 0
    with pytest.raises(LinkLostError):
        await session.send(commands.ping())
    again = await connected(server)
    await asyncio.sleep(0.05)
    assert [action["Action"] for action in server.peer.got] == ["Login"]
    await again.close()


# 3. A callback that raises kills the rest of the chunk and the connection.
async def test_a_failing_receiver_kills_nothing(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    got: list[str] = []

    def receive(messages: list[Any]) -> None:
        got.extend(message["Cause"] for message in messages)
        raise ZeroDivisionError

    session = await connected(server, on_events=receive)
    server.peer.say("Event: Hangup", "Cause: 1")
    await until(lambda: got == ["1"])
    server.peer.say("Event: Hangup", "Cause: 2")
    await until(lambda: got == ["1", "2"])
    assert (await session.call(commands.ping())).ok
    assert "receiver failed" in caplog.text
    await session.close()


# 4. Pong is never checked: a half-open link goes unnoticed.
async def test_a_half_open_link_is_noticed(server: Server) -> None:
    server.reply = silent
    lost: list[LinkLostError] = []
    session = await connected(server, ping_every=0.02, ping_within=0.05, on_lost=lost.append)
    future = session.send(commands.ping(), timeout=5)
    await until(lambda: bool(lost))
    assert "no sign of life" in str(lost[0])
    with pytest.raises(LinkLostError):
        await future


async def test_a_busy_link_is_not_taken_for_a_dead_one(server: Server) -> None:
    server.reply = silent
    session = await connected(server, ping_every=0.02, ping_within=0.1)
    for _ in range(12):
        server.peer.say("Event: Hangup", "Cause: 1")
        await asyncio.sleep(0.02)
    assert session.connected
    await session.close()


async def test_pings_go_on_and_measure_the_way(server: Server) -> None:
    session = await connected(server, ping_every=0.01, ping_within=1.0)
    await until(lambda: len(server.peer.got) >= 4)
    assert 0 < session.rtt < 1
    await session.close()


# 5. No deadline on actions; timed-out ones leak.
async def test_an_unanswered_action_times_out_and_leaves_nothing(server: Server) -> None:
    server.reply = silent
    session = await connected(server)
    with pytest.raises(ActionTimeoutError, match="Ping"):
        await session.call(commands.ping(), timeout=0.02)
    assert session.pending == 0
    await session.close()


async def test_a_late_answer_is_nobodys(server: Server) -> None:
    got: list[Any] = []
    server.reply = silent
    session = await connected(server, on_events=got.extend)
    with pytest.raises(ActionTimeoutError):
        await session.call(commands.ping(), timeout=0.02)
    server.peer.answer(server.peer.got[-1])
    server.peer.say("Event: Hangup", "Cause: 1")
    await until(lambda: bool(got))
    assert [message.get("Event") for message in got if "Event" in message] == ["Hangup"]
    await session.close()


def answer_in_a_thread(listener: socket.socket) -> None:
    """Greet, accept the log-in, and answer the next action after 20 ms, whatever the client's loop does."""
    peer, _ = listener.accept()
    with peer:
        peer.sendall(b"Asterisk Call Manager/11.0.0\r\n")
        for delay in (0.0, 0.02):
            data = b""
            while not data.endswith(b"\r\n\r\n"):
                data += peer.recv(4096)
            time.sleep(delay)
            action_id = re.search(rb"ActionID: [^\r]*", data)
            assert action_id
            peer.sendall(b"Response: Success\r\n" + action_id[0] + b"\r\n\r\n")
        peer.recv(4096)


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_stall_of_our_own_loop_is_not_the_pbx_being_late(loop_factory: Any) -> None:
    async def check(port: int) -> bool:
        session = Session(Login("127.0.0.1", port, "a", "b"))
        await session.connect(1.0)
        future = session.send(commands.ping(), timeout=0.05)
        time.sleep(0.2)  # noqa: ASYNC251  # the stall under test
        ok = (await future).ok
        await session.close()
        return ok

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer_in_a_thread, args=(listener,))
        thread.start()
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            assert runner.run(check(listener.getsockname()[1]))
        thread.join(2)


async def test_a_cancelled_wait_leaves_nothing(server: Server) -> None:
    server.reply = silent
    session = await connected(server)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(session.call_list(commands.device_states()), 0.02)
    assert session.pending == 0
    await session.close()


# 6. A refused login is silent and retried for ever.
async def test_a_refused_log_in_raises(server: Server) -> None:
    server.reply = lambda action, peer: peer.answer(
        action, "Message: Authentication failed", response="Error"
    )
    session = Session(server.login)
    with pytest.raises(LoginRefusedError, match="Authentication failed"):
        await session.connect(1.0)
    await asyncio.sleep(0.05)
    assert len(server.peers) == 1
    assert not session.connected


async def test_an_address_without_pbx_is_unreachable(server: Server) -> None:
    with pytest.raises(UnreachableError):
        await Session(Login("127.0.0.1", 1, "a", "b")).connect(1.0)


async def test_another_protocol_is_unreachable(server: Server) -> None:
    server.greeting = b"SSH-2.0-OpenSSH\r\n"
    with pytest.raises(UnreachableError, match="greeting"):
        await Session(server.login).connect(1.0)


async def test_a_refused_greeting_leaves_nothing_open(server: Server) -> None:
    server.greeting = b"SSH-2.0-OpenSSH\r\n"
    with pytest.raises(UnreachableError):
        await Session(server.login).connect(1.0)
    await until(server.peer.writer.is_closing)


async def test_a_host_name_that_cannot_be_one_is_unreachable() -> None:
    with pytest.raises(UnreachableError):
        await Session(Login("x" * 300 + ".example", 5038, "a", "b")).connect(1.0)


async def test_a_peer_that_says_nothing_is_unreachable(server: Server) -> None:
    server.greeting = b""
    with pytest.raises(UnreachableError, match=r"0\.05 s"):
        await Session(server.login).connect(0.05)


async def test_a_peer_that_hangs_up_during_log_in(server: Server) -> None:
    server.reply = lambda action, peer: peer.writer.transport.abort()
    with pytest.raises(LinkLostError):
        await Session(server.login).connect(1.0)


async def test_what_the_pbx_has_not_got_is_dropped_with_the_connection() -> None:
    """A PBX that reads again after an absence finds no actions of before it, but for what it had already."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        login = Login("127.0.0.1", listener.getsockname()[1], "a", "b")
        ours = await _connect_socket(asyncio.get_running_loop(), login)
        theirs, _ = listener.accept()
        sent = 0
        with pytest.raises(BlockingIOError):
            while True:
                sent += ours.send(bytes(1 << 16))
        ours.close()
        with theirs, pytest.raises(ConnectionResetError):
            while got := len(theirs.recv(1 << 20)):
                sent -= got
    assert sent > 1 << 16


async def test_the_system_gives_up_what_nobody_acknowledges(server: Server) -> None:
    session = await connected(server)
    sock = session._protocol.transport.get_extra_info("socket")  # type: ignore[union-attr]
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == UNSENT_FOR * 1000
    await session.close()


async def test_a_close_in_order_resets_nothing(server: Server) -> None:
    session = await connected(server)
    await session.call(commands.ping())
    await session.close()
    await until(server.peer.reader.at_eof)
    assert server.peer.got[-1] == {"Action": "Logoff"}


# 7. close() still reconnects: here nothing reconnects, and a closed session stays closed.
async def test_close_fails_what_is_pending_and_tells_no_loss(server: Server) -> None:
    server.reply = silent
    lost: list[LinkLostError] = []
    session = await connected(server, on_lost=lost.append)
    future = session.send(commands.ping(), timeout=5)
    await session.close()
    await session.close()
    with pytest.raises(LinkLostError, match="closed by us"):
        await future
    await asyncio.sleep(0.02)
    assert lost == []
    assert len(server.peers) == 1


# 8. UTF-8 is decoded per chunk.
async def test_a_character_split_over_two_segments_survives(server: Server) -> None:
    got: list[Any] = []
    session = await connected(server, on_events=got.extend)
    data = "Event: Hangup\r\nCallerIDName: 张伟\r\n\r\n".encode()
    cut = data.index("伟".encode()) + 1
    server.peer.raw(data[:cut])
    await asyncio.sleep(0.02)
    server.peer.raw(data[cut:])
    await until(lambda: bool(got))
    assert got[0]["CallerIDName"] == "张伟"
    await session.close()


# 9. Callbacks run unordered; coroutine hooks are never awaited.
async def test_events_come_in_order_and_synchronously(server: Server) -> None:
    got: list[int] = []
    session = await connected(server, on_events=lambda chunk: got.extend(int(m["Cause"]) for m in chunk))
    for n in range(5000):
        server.peer.raw(b"Event: Hangup\r\nCause: %d\r\n\r\n" % n)
    await until(lambda: len(got) == 5000)
    assert got == list(range(5000))
    await session.close()


async def test_a_loss_is_told_once(server: Server) -> None:
    lost: list[LinkLostError] = []
    session = await connected(server, on_lost=lost.append)
    server.peer.writer.close()
    await until(lambda: bool(lost))
    await asyncio.sleep(0.02)
    assert len(lost) == 1
    assert session.error is lost[0]


# 10. QueueAdd hangs, a list refused hangs, a list cut off never ends.
async def test_queue_add_answers(server: Server) -> None:
    server.reply = lambda action, peer: peer.answer(action, "Message: Added interface to queue")
    session = await connected(server)
    reply = await session.call(commands.queue_add("q", "PJSIP/1"), timeout=0.5)
    assert reply.message == "Added interface to queue"
    await session.close()


async def test_a_refusal_raises_and_does_not_hang(server: Server) -> None:
    session = await connected(server)
    server.reply = lambda action, peer: peer.answer(action, "Message: No such channel", response="Error")
    with pytest.raises(ActionRefusedError, match="No such channel"):
        await session.call(commands.hangup("PJSIP/x-1"))
    with pytest.raises(ActionRefusedError, match="No such channel"):
        await session.call_list(commands.device_states())
    assert (await session.send(commands.hangup("PJSIP/x-1"))).ok is False
    assert session.pending == 0
    await session.close()


def channels(action: dict[str, str], peer: Peer) -> None:
    peer.answer(action, "EventList: start", "Message: Channels will follow")
    if action["Action"] == "CoreShowChannels":
        for n in range(3):
            peer.say("Event: CoreShowChannel", f"ActionID: {action['ActionID']}", f"Uniqueid: {n}")


async def test_a_list_ends_with_its_complete_event(server: Server) -> None:
    got: list[Any] = []
    session = await connected(server, events=False, on_events=got.extend)

    def reply(action: dict[str, str], peer: Peer) -> None:
        channels(action, peer)
        peer.say("Event: Hangup", "Cause: 3")
        peer.say(
            "Event: CoreShowChannelsComplete",
            f"ActionID: {action['ActionID']}",
            "EventList: Complete",
            "ListItems: 3",
        )

    server.reply = reply
    items = await session.call_list(commands.core_show_channels())
    assert [item["Uniqueid"] for item in items] == ["0", "1", "2"]
    assert got == []
    await session.close()


async def test_a_list_cut_off_by_a_disconnect_fails(server: Server) -> None:
    session = await connected(server)

    def reply(action: dict[str, str], peer: Peer) -> None:
        channels(action, peer)
        peer.writer.close()

    server.reply = reply
    with pytest.raises(LinkLostError):
        await session.call_list(commands.core_show_channels())


async def test_a_list_without_an_end_times_out(server: Server) -> None:
    session = await connected(server)
    server.reply = channels
    with pytest.raises(ActionTimeoutError):
        await session.call_list(commands.core_show_channels(), timeout=0.05)
    assert session.pending == 0
    await session.close()


async def test_a_list_action_answered_without_a_list_is_empty(server: Server) -> None:
    session = await connected(server)
    assert await session.call_list(commands.ping()) == []
    await session.close()


# 11. A missing header reads ''; an empty last header is dropped; messages cannot be copied.
async def test_messages_are_plain_dicts(server: Server) -> None:
    got: list[Any] = []
    session = await connected(server, on_events=got.extend)
    server.peer.say("Event: Hangup", "Cause: 1", "Cause-txt: ")
    await until(lambda: bool(got))
    assert dict(got[0]) == {"Event": "Hangup", "Cause": "1", "Cause-txt": ""}
    assert "Uniqueid" not in got[0]
    await session.close()


# 12. Dispatch costs a regex per registered pattern and event: here unwanted events are not even parsed.
async def test_unwanted_events_are_counted_but_not_told(server: Server) -> None:
    got: list[Any] = []
    session = await connected(server, wanted={"Hangup"}, on_events=got.extend)
    for _ in range(10):
        server.peer.say("Event: VarSet", "Variable: x")
    server.peer.say("Event: Hangup", "Cause: 1")
    await until(lambda: bool(got))
    assert len(got) == 1
    assert session.seen == 12
    await session.close()


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_send_writes_in_this_very_call(loop_factory: Any) -> None:
    async def check() -> bool:
        async with ami_server() as server:
            session = await connected(server)
            await asyncio.sleep(0.01)
            there = server.peer.writer.get_extra_info("socket").fileno()
            session.send(commands.ping())
            arrived = bool(select.select([there], [], [], 0)[0])
            await session.close()
            return arrived

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert runner.run(check())


async def test_nobody_waiting_for_a_failed_action_makes_no_noise(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.reply = silent
    session = await connected(server)
    session.send(commands.ping(), timeout=0.01)
    await asyncio.sleep(0.05)
    await session.close()
    assert "never retrieved" not in caplog.text
