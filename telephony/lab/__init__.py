"""The lab: a private real Asterisk, with sipp as callers and as agents at home."""

from telephony.lab.agents import ANSWERS, ANSWERS_AT_ONCE, BUSY, IGNORES, Behaviour, Ring, SimAgents
from telephony.lab.callers import Call, Callers, Counts, Fate, place, run_for
from telephony.lab.customers import Customers
from telephony.lab.errors import LabError, MissingToolError
from telephony.lab.pbx import LabPbx

__all__ = [
    "ANSWERS",
    "ANSWERS_AT_ONCE",
    "BUSY",
    "IGNORES",
    "Behaviour",
    "Call",
    "Callers",
    "Counts",
    "Customers",
    "Fate",
    "LabError",
    "LabPbx",
    "MissingToolError",
    "Ring",
    "SimAgents",
    "place",
    "run_for",
]
