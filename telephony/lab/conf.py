"""Configuration files of the lab's Asterisk: the dialplan pack, and what stands around it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from telephony.lab.errors import LabError
from telephony.provisioning import PjsipSeat, render_manager, render_pjsip

TRUNK = "lab_trunk"
"""Endpoint of the callers: everything on loopback that is not a seat."""
MOBILE_TRUNK = "lab_mobile"
"""Endpoint through which mobiles are rung."""

_MODULES = """
res_timing_timerfd res_timing_pthread res_sorcery_config res_sorcery_memory res_sorcery_astdb
res_crypto res_srtp res_http_websocket res_musiconhold res_rtp_asterisk res_manager_devicestate
res_pjproject res_pjsip res_pjsip_session res_pjsip_sdp_rtp res_pjsip_registrar res_pjsip_path
res_pjsip_authenticator_digest res_pjsip_outbound_authenticator_digest
res_pjsip_endpoint_identifier_user res_pjsip_endpoint_identifier_ip res_pjsip_acl
res_pjsip_caller_id res_pjsip_header_funcs res_pjsip_nat res_pjsip_dtmf_info res_pjsip_diversion
res_pjsip_rfc3326 res_pjsip_dlg_options res_pjsip_refer res_pjsip_transport_websocket
res_pjsip_pubsub res_pjsip_logger chan_pjsip chan_bridge_media
bridge_simple bridge_native_rtp bridge_softmix bridge_holding bridge_builtin_features
codec_ulaw codec_alaw codec_a_mu codec_gsm codec_g722 codec_opus_open_source codec_resample
format_pcm format_wav format_sln format_gsm res_format_attr_opus
pbx_config app_dial app_queue app_playback app_playtones app_stack app_userevent app_db app_exec
app_verbose app_read app_record app_senddtmf app_mixmonitor app_chanspy app_confbridge app_while app_transfer
func_callerid func_channel func_config func_cut func_db func_devstate func_dialplan func_env func_global
func_groupcount func_hangupcause func_lock func_logic func_math func_periodic_hook func_pjsip_aor
func_pjsip_contact func_pjsip_endpoint func_rand func_sprintf func_strings func_sysinfo func_timeout
func_uri func_version func_json
""".split()  # noqa: SIM905 - only what the pack and its later use need: starts in a second, and clean


class LabPorts(NamedTuple):
    """Ports of 127.0.0.1 that one lab uses."""

    ami: int
    sip: int
    http: int
    mobile: int


class LabPlan(NamedTuple):
    """What the lab's Asterisk is configured for. Paths are as Asterisk sees them."""

    home: str
    music: str
    directories: tuple[tuple[str, str], ...]
    ports: LabPorts
    username: str
    secret: str
    seats: tuple[PjsipSeat, ...]
    answer_at_once: bool
    qualify_s: float
    full_log: bool
    places_calls: bool = False
    rtp_timeout_s: int = 0


def default_pack() -> Path:
    """The dialplan pack: of the repository, or as installed with the package. Raises LabError."""
    above = Path(__file__).resolve().parents[2]
    for pack in (above / "config" / "asterisk", above / "seats" / "_config" / "asterisk"):
        if (pack / "extensions_seats.conf").exists():
            return pack
    raise LabError("the dialplan pack is missing: no config/asterisk beside the telephony package")


def write_config(etc: Path, pack: Path, plan: LabPlan) -> None:
    """Write everything into ``etc``: the pack as it is, and the lab's own files."""
    for file in sorted(pack.glob("*.conf")):
        shutil.copy(file, etc)
    music = (pack / "musiconhold_seats.conf").read_text().replace("moh/seats", plan.music)
    (etc / "musiconhold_seats.conf").write_text(music)
    for name, text in _files(plan).items():
        (etc / name).write_text(text)


def _files(plan: LabPlan) -> Mapping[str, str]:
    options = {
        # sipp's agents send no sound, and are registered for sipp, which listens on another port
        "endpoint": {
            "rtp_timeout": f"{plan.rtp_timeout_s}",
            "rtp_timeout_hold": "0",
            "rewrite_contact": "no",
        },
        "aor": {"maximum_expiration": "7200", "qualify_frequency": "0"},
    }
    if plan.qualify_s:
        options["aor"] |= {"qualify_frequency": f"{max(1, round(plan.qualify_s))}", "qualify_timeout": "1.0"}
    sip = [seat for seat in plan.seats if seat.kind == "sip"]
    browsers = [seat for seat in plan.seats if seat.kind == "browser"]
    return {
        "asterisk.conf": _asterisk(plan),
        "modules.conf": _section("modules", [("autoload", "no"), *(("load", f"{m}.so") for m in _MODULES)]),
        "logger.conf": _section("general", [("dateformat", "%F %T.%3q")])
        + _section("logfiles", [("full", _levels(plan))]),
        "manager.conf": _manager(plan),
        "manager_seats.conf": render_manager(plan.username, plan.secret, calls=plan.places_calls),
        "http.conf": _section(
            "general", [("enabled", "yes"), ("bindaddr", "127.0.0.1"), ("bindport", plan.ports.http)]
        ),
        "extensions.conf": "#include extensions_seats.conf\n\n" + _globals(plan),
        "musiconhold.conf": "[general]\n#include musiconhold_seats.conf\n",
        "queues.conf": "[general]\npersistentmembers = yes\nshared_lastcall = yes\nautofill = yes\n"
        "#include queues_seats.conf\n",
        "pjsip.conf": "#include pjsip_seats.conf\n#include pjsip_seats_list.conf\n"
        "#include pjsip_lab_sip.conf\n\n" + _pjsip(plan),
        "pjsip_seats_list.conf": render_pjsip(browsers),
        "pjsip_lab_sip.conf": render_pjsip(sip, options=options),
        "rtp.conf": _section("general", [("rtpstart", 20000), ("rtpend", 29998), ("strictrtp", "no")]),
        "indications.conf": _indications(),
        **{
            f"{name}.conf": "[general]\n"
            for name in ("features", "ccss", "udptl", "stasis", "sorcery", "queuerules")
        },
        **{f"{name}.conf": "[general]\nenable = no\n" for name in ("cdr", "cel")},
        "pjproject.conf": "[startup]\nlog_level = 0\n",
        "acl.conf": "",
        "confbridge.conf": "[general]\n",
    }


def _asterisk(plan: LabPlan) -> str:
    own = [
        ("astetcdir", f"{plan.home}/etc"),
        ("astdbdir", f"{plan.home}/db"),
        ("astkeydir", f"{plan.home}/keys"),
        ("astspooldir", f"{plan.home}/spool"),
        ("astrundir", f"{plan.home}/run"),
        ("astlogdir", f"{plan.home}/log"),
    ]
    options = [("nocolor", "yes"), ("documentation_language", "en_US"), ("hideconnect", "yes")]
    if plan.full_log:
        options.append(("verbose", "4"))
    return _section("directories", [*own, *plan.directories]) + _section("options", options)


def _levels(plan: LabPlan) -> str:
    return "notice,warning,error,verbose(4)" if plan.full_log else "notice,warning,error"


def _manager(plan: LabPlan) -> str:
    general = [
        ("enabled", "yes"),
        ("bindaddr", "127.0.0.1"),
        ("port", plan.ports.ami),
        ("disabledevents", "VarSet,Newexten,TestEvent"),
    ]
    return _section("general", general) + "#include manager_seats.conf\n"


def _globals(plan: LabPlan) -> str:
    return _section(
        "globals",
        [
            ("SEATS_ANSWER", int(plan.answer_at_once)),
            ("SEATS_MOBILE_TRUNK", MOBILE_TRUNK),
            ("SEATS_CALLBACK_TRUNK", MOBILE_TRUNK),
            ("SEATS_OVERFLOW_TRUNK", MOBILE_TRUNK),
        ],
    )


def _pjsip(plan: LabPlan) -> str:
    endpoint = [("type", "endpoint"), ("disallow", "all"), ("allow", "ulaw,alaw"), ("direct_media", "no")]
    quiet = [("allow_subscribe", "no"), ("send_connected_line", "no")]
    return (
        _section("global", [("type", "global"), ("endpoint_identifier_order", "auth_username,username,ip")])
        + _section(
            "lab-udp", [("type", "transport"), ("protocol", "udp"), ("bind", f"127.0.0.1:{plan.ports.sip}")]
        )
        + _section(TRUNK, [*endpoint, *quiet, ("context", "seats-inbound")])
        + _section(TRUNK, [("type", "identify"), ("endpoint", TRUNK), ("match", "127.0.0.1")])
        + _section(MOBILE_TRUNK, [*endpoint, *quiet, ("context", "seats-none"), ("aors", MOBILE_TRUNK)])
        + _section(MOBILE_TRUNK, [("type", "aor"), ("contact", f"sip:127.0.0.1:{plan.ports.mobile}")])
    )


def _indications() -> str:
    return _section("general", [("country", "cn")]) + _section(
        "cn",
        [
            ("description", "China"),
            ("ringcadence", "1000,4000"),
            ("dial", "450"),
            ("busy", "450/350,0/350"),
            ("ring", "450/1000,0/4000"),
            ("congestion", "450/700,0/700"),
            ("callwaiting", "450/400,0/4000"),
            ("dialrecall", "450"),
            ("record", "950/400,0/10000"),
            ("info", "450/100,0/100,450/100,0/100,450/100,0/100,450/400,0/400"),
            ("stutter", "450+425"),
        ],
    )


def _section(name: str, entries: Iterable[tuple[str, object]]) -> str:
    return f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in entries) + "\n"
