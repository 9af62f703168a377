"""Signing in, staying in, signing out."""

from __future__ import annotations

import ipaddress
from typing import Annotated

import msgspec
from aiohttp import web

from seats.domain.agents import Chosen
from seats.domain.messages import StateAsked
from seats.web import keys
from seats.web.routes import Role, Route, answer, body_of, who
from seats.web.sessions import COOKIE, MAX_LOGIN, MAX_PASSWORD, SignedIn


class SignInBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What signing in takes."""

    login: Annotated[str, msgspec.Meta(max_length=MAX_LOGIN)]
    password: Annotated[str, msgspec.Meta(max_length=MAX_PASSWORD)]


class UserView(msgspec.Struct, frozen=True):
    """Who is signed in. ``agent_id`` is the agent this person is, if any."""

    login: str
    name: str
    role: str
    agent_id: str | None


class SessionView(msgspec.Struct, frozen=True):
    """A session; ``csrf`` goes into the header ``X-CSRF-Token`` of every unsafe request."""

    user: UserView
    csrf: str
    lang: str
    expires_at: float


def user_view(signed_in: SignedIn) -> UserView:
    """The person behind a session."""
    user = signed_in.user
    return UserView(user.login, user.name, user.role, user.agent_id)


async def sign_in(request: web.Request) -> web.StreamResponse:
    """POST /session."""
    body = await body_of(request, SignInBody)
    signed_in, token = await request.app[keys.SESSIONS].sign_in(
        body.login, body.password, client_address(request)
    )
    response = answer(_view(request, signed_in))
    response.set_cookie(
        COOKIE,
        token,
        max_age=round(signed_in.expires_at - request.app[keys.ENGINE].now()),
        httponly=True,
        samesite="Lax",
        secure=is_secure(request),
        path="/",
    )
    return response


def client_address(request: web.Request) -> str:
    """Whose tries are counted together. Only a proxy on this very machine is believed about others."""
    remote = request.remote or ""
    told = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return told[:64] if told and _is_loopback(remote) else remote


def is_secure(request: web.Request) -> bool:
    """Whether the page came over TLS, ours or that of a proxy before us."""
    return request.secure or request.headers.get("Origin", "").startswith("https:")


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


async def show(request: web.Request) -> web.StreamResponse:
    """GET /session."""
    return answer(_view(request, who(request)))


async def sign_out(request: web.Request) -> web.StreamResponse:
    """DELETE /session: an agent whose last desk this was is signed out of the seats too."""
    signed_in = who(request)
    agent = signed_in.user.agent_id
    engine = request.app[keys.ENGINE]
    if agent in engine.state.agents and not request.app[keys.HUB].desks_of(agent, but=signed_in.key):
        engine.post(StateAsked(agent, Chosen.SIGNED_OUT, "", signed_in.user.login))
    await request.app[keys.SESSIONS].sign_out(signed_in)
    response = web.Response(status=204)
    response.del_cookie(COOKIE, path="/")
    return response


def _view(request: web.Request, signed_in: SignedIn) -> SessionView:
    lang = request.app[keys.SETTINGS].language
    return SessionView(user_view(signed_in), signed_in.csrf, lang, signed_in.expires_at)


ROUTES = (
    Route(
        "POST",
        "/session",
        sign_in,
        "Sign in; sets the session cookie",
        Role.ANYONE,
        body=SignInBody,
        answer=SessionView,
        errors=(401, 429, 503),
    ),
    Route("GET", "/session", show, "Who is signed in", answer=SessionView),
    Route("DELETE", "/session", sign_out, "Sign out; closes the session's sockets", status=204),
)
