"""What the fake PBX does on each AMI action."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from telephony.fakeami import Action, Connection, Pairs
from telephony.fakeparts import DEAD, GOODBYES, Caller, Channel

if TYPE_CHECKING:
    from telephony.fakepbx import FakePbx


def _setvar(pbx: FakePbx, connection: Connection, action: Action) -> None:
    name = action["variable"]
    if name.startswith("DB_DELETE(seats/"):
        pbx.records.put(name.removeprefix("DB_DELETE(seats/").rstrip(")"), None)
    elif "channel" not in action:
        pbx.globals[name] = action.get("value", "")
    elif (caller := pbx._live.get(action["channel"])) is None:
        connection.refuse(action, "No such channel")
        return
    elif name == "SEATS_TELL" and caller.hears == "music":
        caller.heard.append(action.get("value", ""))
    connection.reply(action, [("Message", "Variable Set")])


def _getvar(pbx: FakePbx, connection: Connection, action: Action) -> None:
    name = action["variable"]
    value = str(int(pbx.clock())) if name == "EPOCH" else pbx.globals.get(name, "")
    if name.startswith("AST_CONFIG("):
        page, _, _, index = name.removeprefix("AST_CONFIG(").rstrip(")").split(",")
        value = pbx.records.line(int(page[-1]), int(index))
    if name.startswith("DEVICE_STATE(PJSIP/"):
        seat = pbx.seats.get(name.removeprefix("DEVICE_STATE(PJSIP/").rstrip(")"))
        value = seat.state if seat else "INVALID"
    connection.reply(action, [("Variable", name), ("Value", value)])


def _redirect(pbx: FakePbx, connection: Connection, action: Action) -> None:
    caller = pbx._live.get(action.get("channel", ""))
    if caller is None:
        connection.refuse(action, f"Channel does not exist: {action.get('channel', '')}")
        return
    context, exten = action["context"], action["exten"]
    connection.reply(action, [("Message", "Redirect successful")])
    pbx._stop_waiting(caller)
    caller.channel.context, caller.channel.exten = context, exten
    pbx._withdraw(caller, 16)
    if context == "seats-connect":
        pbx._connect(caller, exten)
    elif context == "seats-overflow":
        pbx._goodbye(caller, "timeout", context)
    elif context == "seats-goodbye" and exten in GOODBYES:
        pbx._goodbye(caller, exten)
    else:
        pbx._hold(caller)


def _hangup(pbx: FakePbx, connection: Connection, action: Action) -> None:
    name, cause = action.get("channel", ""), int(action.get("cause", "16"))
    for caller in list(pbx._live.values()):
        if name == caller.channel.name:
            connection.reply(action, [("Message", "Channel Hungup")])
            pbx._end(caller, cause, "system")
            return
        if caller.leg is not None and name == caller.leg.name:
            connection.reply(action, [("Message", "Channel Hungup")])
            _hang_leg_up(pbx, caller, caller.leg, cause)
            return
    connection.refuse(action, "No such channel")


def _hang_leg_up(pbx: FakePbx, caller: Caller, leg: Channel, cause: int) -> None:
    if leg.bridge and cause in DEAD:
        pbx.seat_dies(caller, cause)
    elif leg.bridge:
        pbx._talk_ends(caller, cause, "system")
    elif caller.seat is not None:
        pbx._stop_waiting(caller)
        pbx._dial(caller, leg, "DialEnd", [("DialStatus", "CHANUNAVAIL")])
        pbx._leg_gone(leg, caller.seat, cause)
        pbx._returned(caller, "CHANUNAVAIL", cause)


def _show_channels(pbx: FakePbx, connection: Connection, action: Action) -> None:
    channels = [c for caller in pbx._live.values() for c in (caller.channel, caller.leg) if c]
    items = [[*channel.headers(), *_shown(pbx, channel)] for channel in channels]
    connection.listing(action, "CoreShowChannel", items, "CoreShowChannelsComplete")


def _shown(pbx: FakePbx, channel: Channel) -> Pairs:
    minutes, seconds = divmod(int(pbx.clock() - channel.began), 60)
    return [
        ("Application", channel.application or "AppDial"),
        ("ApplicationData", ""),
        ("Duration", f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"),
        ("BridgeId", channel.bridge),
    ]


def _device_states(pbx: FakePbx, connection: Connection, action: Action) -> None:
    seats = [seat for seat in pbx.seats.values() if not seat.mobile]
    items = [[("Device", f"PJSIP/{seat.address}"), ("State", seat.state)] for seat in seats]
    connection.listing(action, "DeviceStateChange", items, "DeviceStateListComplete")


def _db_tree(pbx: FakePbx, connection: Connection, action: Action) -> None:
    if not pbx.records.items():
        connection.refuse(action, "Database entry not found")
        return
    items = [[("Key", f"/seats/{key}"), ("Val", value)] for key, value in pbx.records.items()]
    connection.listing(action, "DBGetTreeResponse", items, "DBGetTreeComplete")


def _core_settings(pbx: FakePbx, connection: Connection, action: Action) -> None:
    connection.reply(action, [("AsteriskVersion", pbx.version)])


def _show_dialplan(pbx: FakePbx, connection: Connection, action: Action) -> None:
    if pbx.pack and action.get("context", "") not in pbx.lacks:
        connection.listing(action, "ListDialplan", [], "ShowDialPlanComplete")
    else:
        connection.refuse(action, f"Did not find context {action.get('context', '')}")


def _queue_status(pbx: FakePbx, connection: Connection, action: Action) -> None:
    queue = action.get("queue", "")
    items = [
        [("Queue", queue), ("Name", name), ("Location", name), ("Paused", str(int(paused)))]
        for name, paused in pbx.members.items()
    ]
    if pbx.pack:
        items.insert(0, [("Event", "QueueParams"), ("Queue", queue)])
    connection.listing(action, "QueueMember", items, "QueueStatusComplete")


def _member(pbx: FakePbx, connection: Connection, action: Action) -> None:
    interface, paused = action["interface"], action.get("paused") == "true"
    if action["action"].lower() == "queueremove":
        if pbx.members.pop(interface, None) is None:
            connection.refuse(action, "Unable to remove interface: Not there")
            return
    else:
        pbx.members[interface] = paused
    connection.reply(action, [("Message", "Done")])


HANDLERS: dict[str, Callable[[FakePbx, Connection, Action], None]] = {
    "coresettings": _core_settings,
    "showdialplan": _show_dialplan,
    "setvar": _setvar,
    "getvar": _getvar,
    "redirect": _redirect,
    "hangup": _hangup,
    "coreshowchannels": _show_channels,
    "devicestatelist": _device_states,
    "dbgettree": _db_tree,
    "queuestatus": _queue_status,
    "queueadd": _member,
    "queueremove": _member,
    "queuepause": _member,
}
