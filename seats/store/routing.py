"""Versions of the routing plan, and the number of the leader's term."""

from __future__ import annotations

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from seats.domain.plan import Plan, check_plan
from seats.planfile import plan_from_json, plan_to_json
from seats.store import tables as t
from seats.store.door import Door, record
from seats.store.errors import ConflictError
from seats.store.rows import VersionRow

_v = t.routing_versions.c
EPOCH = "epoch"


class Routing(Door):
    """Routing versions are added, never changed."""

    async def latest_plan(self) -> Plan | None:
        """The plan of the highest version; None before the first."""
        return await self._plan(select(func.max(_v.version)).scalar_subquery())

    async def plan(self, version: int) -> Plan | None:
        """The plan of a version."""
        return await self._plan(version)

    async def versions(self) -> list[VersionRow]:
        """Stored versions, newest first."""
        query = select(*(_v[name] for name in VersionRow._fields)).order_by(_v.version.desc())
        async with self.database.read() as connection:
            return [VersionRow(*row) for row in await connection.execute(query)]

    async def save_plan(
        self, plan: Plan, *, at: float, actor: str, comment: str, base: int | None = None
    ) -> int:
        """Store a plan as the next version and give its number, whatever ``plan.version`` says.

        ``base`` is the version it was made from: :class:`ConflictError` if another came in between.
        Raise :class:`seats.domain.errors.PlanError` for a plan that cannot be used.
        """
        check_plan(plan)
        try:
            async with self.database.write() as connection:
                latest = int(await connection.scalar(select(func.max(_v.version))) or 0)
                if base is not None and base != latest:
                    what = f"version {latest} went live after version {base}"
                    raise ConflictError("routing", what, f"a change of version {latest}")
                version = latest + 1
                data = plan_to_json(plan._replace(version=version))
                row = {"version": version, "at": at, "actor": actor, "comment": comment, "plan": data}
                await connection.execute(insert(t.routing_versions), row)
                await record(connection, at, actor, "routing_saved", f"routing/{version}", comment=comment)
                return version
        except IntegrityError as error:
            raise ConflictError("routing", "two versions at the same time", "trying again") from error

    async def next_epoch(self) -> int:
        """Begin a new leader's term: a number greater than any given before, by any process."""
        statement = self._upsert(t.meta).values(key=EPOCH, value=1)
        statement = statement.on_conflict_do_update(
            index_elements=["key"], set_={"value": t.meta.c.value + 1}
        )
        async with self.database.write() as connection:
            return int(await connection.scalar(statement.returning(t.meta.c.value)) or 0)

    async def epoch(self) -> int:
        """The latest term's number; 0 before the first."""
        async with self.database.read() as connection:
            return int(await connection.scalar(select(t.meta.c.value).where(t.meta.c.key == EPOCH)) or 0)

    async def _plan(self, version: object) -> Plan | None:
        async with self.database.read() as connection:
            data = await connection.scalar(select(_v.plan).where(_v.version == version))
        return None if data is None else plan_from_json(data)
