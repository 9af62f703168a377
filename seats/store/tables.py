"""The tables.

Times are Unix seconds (UTC) as double-precision numbers, the form in which the core, the PBX and the JSON
API already have them: nothing is converted, nothing depends on a zone, SQLite and PostgreSQL agree to the
last bit, and a double is exact to a quarter of a microsecond today. Durations are seconds.

The ledger's tables have no foreign keys among each other: they are written behind the decision, and a row
must never be lost because the row it belongs to was.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

_Serial = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by INTEGER alone

requests = Table(
    "requests",
    metadata,
    Column("id", Text, primary_key=True),
    Column("node", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("uniqueid", Text, nullable=False),
    Column("linkedid", Text, nullable=False),
    Column("did", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("province", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("confidence", Text, nullable=False),
    Column("arrived_at", Double, nullable=False),
    Column("decided_at", Double),
    Column("answered_at", Double),
    Column("ended_at", Double),
    Column("outcome", Text),
    Column("agent", Text),
    Column("queue_s", Double),
    Column("ring_s", Double),
    Column("talk_s", Double),
    Column("ended_by", Text),
    Column("reason", Text),
    Column("disposition", Text),
    Column("reconstructed", Boolean, nullable=False),
    Column("klass", Text, nullable=False, server_default=""),
)
"""One row per request, for ever. ``outcome`` is null while it is open, ``ended_at`` while its call lives.

``klass`` is the caller's priority class on arrival.
"""

Index("ix_requests_arrived_at_id", requests.c.arrived_at, requests.c.id)
Index("ix_requests_province_arrived_at_id", requests.c.province, requests.c.arrived_at, requests.c.id)
Index("ix_requests_outcome_arrived_at_id", requests.c.outcome, requests.c.arrived_at, requests.c.id)
Index("ix_requests_province_outcome", requests.c.province, requests.c.outcome)
Index(
    "ix_requests_open",
    requests.c.arrived_at,
    requests.c.id,
    sqlite_where=text("ended_at IS NULL"),
    postgresql_where=text("ended_at IS NULL"),
)

offers = Table(
    "offers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("request", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("ring", Integer, nullable=False),
    Column("why", Text, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("rang_at", Double),
    Column("ended_at", Double),
    Column("result", Text),
    Column("detail", Text),
)
"""One row per attempt to ring one agent for one request."""

Index("ix_offers_request", offers.c.request)
Index("ix_offers_agent_made_at", offers.c.agent, offers.c.made_at)

callbacks = Table(
    "callbacks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", Text, nullable=False),
    Column("province", Text, nullable=False),
    Column("did", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("requests", Integer, nullable=False),
    Column("asked_at", Double, nullable=False),
    Column("state", Text, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("agent", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("changed_at", Double, nullable=False),
)
"""Callers to be called back. ``request`` is the first of the ``requests`` requests it stands for."""

Index("ix_callbacks_request", callbacks.c.request)
Index("ix_callbacks_asked_at_id", callbacks.c.asked_at, callbacks.c.id)
Index("ix_callbacks_state_changed_at", callbacks.c.state, callbacks.c.changed_at)

callback_attempts = Table(
    "callback_attempts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("callback", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("agent_first", Boolean, nullable=False),
    Column("began_at", Double, nullable=False),
    Column("reached_at", Double),
    Column("ended_at", Double, nullable=False),
    Column("result", Text, nullable=False),
    Column("talk_s", Double, nullable=False),
    Column("detail", Text, nullable=False),
)
"""One row per attempt to call somebody back. An attempt is no request."""

Index("ix_callback_attempts_callback_began_at", callback_attempts.c.callback, callback_attempts.c.began_at)

agent_states = Table(
    "agent_states",
    metadata,
    Column("seq", _Serial, primary_key=True),
    Column("at", Double, nullable=False),
    Column("agent", Text, nullable=False),
    Column("chosen", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("request", Text),
    Column("offer", Text),
    Column("wrap_up_until", Double),
    Column("reserved", Text),
    Column("reserved_reason", Text),
)
"""Each agent's state after each change; the last row is the present one."""

Index("ix_agent_states_agent_at_seq", agent_states.c.agent, agent_states.c.at, agent_states.c.seq)

audit = Table(
    "audit",
    metadata,
    Column("seq", _Serial, primary_key=True),
    Column("at", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", JSON, nullable=False),
)
"""Every state change, written in the same transaction. ``subject`` is ``request/ID``, ``agent/ID`` …"""

Index("ix_audit_subject_seq", audit.c.subject, audit.c.seq)

agents = Table(
    "agents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("province", Text, nullable=False),
    Column("pools", JSON, nullable=False),
    Column("seat_kind", Text, nullable=False),
    Column("seat_address", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("skills", JSON, nullable=False, server_default="{}"),
)
"""People who take calls. A row stays when its agent leaves: the ledger names it. ``skills``: level by skill."""

Index(
    "uq_agents_seat_address",
    agents.c.seat_address,
    unique=True,
    sqlite_where=text("active"),
    postgresql_where=text("active"),
)

users = Table(
    "users",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("login", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("agent_id", Text, ForeignKey("agents.id")),
    Column("active", Boolean, nullable=False),
)
"""People who may sign in. Logins are stored in one case."""

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("user_id", _Serial, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
)
"""Who is signed in, by the hash of the session's token."""

routing_versions = Table(
    "routing_versions",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("plan", JSON, nullable=False),
)
"""Every routing plan that ever went live."""

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Counters: ``epoch`` is the number of the latest leader's term."""

writers = Table(
    "writers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("batch", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
)
"""The last group of events each writer got into the database: a group is never written twice."""
