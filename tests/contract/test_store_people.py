from __future__ import annotations

import asyncio

import pytest

from seats.store import Store
from seats.store.errors import ConflictError, NotFoundError, StoreError
from seats.store.passwords import hash_password
from seats.store.rows import AgentRow, User

WANG = AgentRow("a1", "王芳", "hubei", ("hubei", "central"), "browser", "web001")
LI = AgentRow("a2", "李强", "gansu", ("gansu",), "sip", "sip002")
USER = User("WangFang", "王芳", "agent", "a1")


async def add(store: Store, user: User = USER) -> None:
    await store.put_agent(WANG, at=1.0, actor="admin")
    await store.add_user(user, "hash", at=2.0, actor="admin")


async def test_the_mark_changes_with_the_active_agents_and_only_then(store: Store) -> None:
    marks = [await store.agents_mark()]
    await add(store)
    marks.append(await store.agents_mark())
    for changed in (
        WANG._replace(pools=("hubei",)),
        WANG._replace(skills=(("claims", 5),)),
        WANG._replace(seat_address="web002"),
        WANG._replace(name="王方"),
    ):
        await store.put_agent(changed, at=3.0, actor="boss")
        marks.append(await store.agents_mark())
    assert len(set(marks)) == len(marks)
    await store.set_password("WangFang", "other", at=4.0, actor="boss")
    assert await store.agents_mark() == marks[-1]
    await store.drop_agent("a1", at=5.0, actor="boss")
    assert await store.agents_mark() == marks[0]


async def test_agents_are_added_changed_and_taken_out_of_service(store: Store) -> None:
    await store.put_agent(LI, at=1.0, actor="admin")
    await store.put_agent(WANG, at=2.0, actor="admin")
    assert await store.agents() == [WANG, LI]
    moved = WANG._replace(province="hunan", pools=("hunan",))
    await store.put_agent(moved, at=3.0, actor="boss")
    assert await store.agent("a1") == moved
    await store.drop_agent("a1", at=4.0, actor="boss")
    assert await store.agents() == [LI]
    assert await store.agents(include_inactive=True) == [moved._replace(active=False), LI]
    log = await store.audit(subject="agent/a1")
    assert [(row.action, row.actor, row.at) for row in log] == [
        ("agent_dropped", "boss", 4.0),
        ("agent_put", "boss", 3.0),
        ("agent_put", "admin", 2.0),
    ]
    with pytest.raises(NotFoundError):
        await store.drop_agent("a1", at=5.0, actor="boss")
    assert await store.agent("nobody") is None


async def test_skills_are_kept_with_the_agent(store: Store) -> None:
    skilled = WANG._replace(skills=(("claims", 5), ("english", 0)))
    await store.put_agent(skilled, at=1.0, actor="admin")
    assert await store.agent("a1") == skilled
    await store.put_agent(WANG, at=2.0, actor="admin")
    assert (await store.agents())[0].skills == ()
    newest, oldest = await store.audit(subject="agent/a1")
    assert (newest.detail["skills"], oldest.detail["skills"]) == ({}, {"claims": 5, "english": 0})


async def test_a_seats_address_belongs_to_one_agent_in_service(store: Store) -> None:
    await store.put_agent(WANG, at=1.0, actor="admin")
    with pytest.raises(ConflictError, match="web001"):
        await store.put_agent(LI._replace(seat_address="web001"), at=2.0, actor="admin")
    assert await store.agents() == [WANG]
    assert len(await store.audit()) == 1, "a change that failed leaves no audit row"
    await store.drop_agent("a1", at=3.0, actor="admin")
    await store.put_agent(LI._replace(seat_address="web001"), at=4.0, actor="admin")
    with pytest.raises(ValueError, match="pigeon"):
        await store.put_agent(LI._replace(seat_kind="pigeon"), at=4.0, actor="admin")


async def test_users_sign_in_in_any_case(store: Store) -> None:
    await add(store)
    known = USER._replace(login="wangfang")
    assert await store.credentials(" wangFANG ") == (known, "hash")
    assert await store.users() == [known]
    for nobody in ("", "wang", "wangfang\0x", "' OR 1=1 --", "\ud800"):
        assert await store.credentials(nobody) is None
    with pytest.raises(ConflictError, match="taken"):
        await store.add_user(USER._replace(login="WANGFANG", agent_id=None), "h", at=3.0, actor="admin")


@pytest.mark.parametrize(
    "user",
    [
        USER._replace(role="king"),
        USER._replace(login=" "),
        USER._replace(login="a\0b"),
        USER._replace(login="x", agent_id="nobody"),
    ],
)
async def test_users_that_are_refused(store: Store, user: User) -> None:
    with pytest.raises(StoreError) as caught:
        await add(store, user)
    assert caught.value.allowed
    assert await store.users() == []


async def test_sessions(store: Store) -> None:
    await add(store)
    await store.add_session("k1", "WangFang", 10.0, 100.0)
    await store.add_session("k2", "wangfang", 20.0, 200.0)
    assert await store.session("k1") == (USER._replace(login="wangfang"), 100.0)
    assert await store.session("k\0") is None
    assert await store.expire_sessions(100.0) == 1
    assert await store.session("k1") is None
    assert await store.session("k2") is not None
    await store.drop_session("k2")
    await store.drop_session("k2")
    assert await store.session("k2") is None
    with pytest.raises(NotFoundError):
        await store.add_session("k3", "nobody", 10.0, 100.0)


async def test_switching_off_and_a_new_password_sign_out_everywhere(store: Store) -> None:
    await add(store)
    await store.add_session("k1", "wangfang", 10.0, 100.0)
    await store.set_password("wangfang", "new", at=11.0, actor="admin")
    assert await store.session("k1") is None
    assert (await store.credentials("wangfang") or ((), ""))[1] == "new"
    await store.add_session("k2", "wangfang", 12.0, 100.0)
    await store.set_active("wangfang", False, at=13.0, actor="admin")
    assert await store.session("k2") is None
    assert await store.credentials("wangfang") is None
    assert await store.users() == []
    assert len(await store.users(include_inactive=True)) == 1
    await store.set_active("wangfang", True, at=14.0, actor="admin")
    await store.add_session("k3", "wangfang", 15.0, 100.0)
    await store.drop_agent("a1", at=16.0, actor="admin")
    assert await store.session("k3") is None, "whoever no longer takes calls is signed out"


async def test_roles(store: Store) -> None:
    await add(store)
    await store.set_role("wangfang", "supervisor", at=3.0, actor="admin")
    assert [user.role for user in await store.users()] == ["supervisor"]
    with pytest.raises(ConflictError, match="king"):
        await store.set_role("wangfang", "king", at=3.0, actor="admin")
    for change in (
        store.set_role("nobody", "agent", at=3.0, actor="admin"),
        store.set_password("nobody", "h", at=3.0, actor="admin"),
        store.set_active("nobody", True, at=3.0, actor="admin"),
    ):
        with pytest.raises(NotFoundError, match="nobody"):
            await change


async def test_no_secret_is_in_the_audit_log(store: Store) -> None:
    hashed = await asyncio.to_thread(hash_password, "hunter2")
    await store.put_agent(WANG, at=1.0, actor="admin")
    await store.add_user(USER, hashed, at=2.0, actor="admin")
    await store.set_password("wangfang", hashed, at=3.0, actor="admin")
    await store.add_session("token-hash", "wangfang", 4.0, 5.0)
    log = str(await store.audit())
    assert hashed not in log
    assert "token-hash" not in log
