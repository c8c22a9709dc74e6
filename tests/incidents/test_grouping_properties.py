"""Whatever comes and whatever people correct, every signal is in one incident, and corrections hold."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.incidents.conftest import ANN, ORGANIZATION, SteppedClock, add_organizations, shop
from tests.incidents.signals import make_signal
from tocsin.database.service import Database
from tocsin.incidents.contracts import CorrectionKind, Incident, IncidentFilter, KeptCorrection, Signal, Status
from tocsin.incidents.repository import IncidentsRepository
from tocsin.incidents.service import IncidentsService

SERVICES = ("checkout", "payment")

# A run is dozens of transactions on a disk.
few = settings(max_examples=30)


@st.composite
def universes(draw: st.DrawFn) -> list[Signal]:
    """A few signals of a few minutes, some of which are not enough for an incident."""
    return [
        make_signal(
            number,
            draw(st.sampled_from(SERVICES)),
            draw(st.integers(0, 240)),
            lasts=draw(st.integers(0, 600)),
            traces=draw(st.sampled_from(["", "t1", "t1 t2", "t3"])),
            opens=draw(st.integers(0, 3)) > 0,
        )
        for number in range(1, draw(st.integers(3, 8)) + 1)
    ]


@dataclass
class World:
    """A service, and what was done with it."""

    service: IncidentsService
    data: st.DataObject
    universe: list[Signal]
    taken: set[UUID] = field(default_factory=set)
    #: Those that hold, the latest last.
    corrections: list[KeptCorrection] = field(default_factory=list)

    async def incidents(self) -> list[Incident]:
        return await self.service.find(ORGANIZATION, IncidentFilter(), limit=500)

    async def alive(self) -> list[tuple[Incident, list[UUID]]]:
        """Every incident that is not part of another one, with its signals."""
        found = []
        for incident in reversed(await self.incidents()):
            signals, _ = await self.service.signals(ORGANIZATION, incident.id)
            if incident.merged_into is None:
                found.append((incident, [signal.id for signal in signals]))
            else:
                assert (signals, incident.status) == ([], Status.RESOLVED)
        return found

    async def homes(self) -> dict[UUID, int]:
        return {id_: incident.number for incident, members in await self.alive() for id_ in members}

    async def take(self) -> None:
        signals = self.data.draw(st.lists(st.sampled_from(self.universe), min_size=1, max_size=4, unique_by=_id))
        found = await self.service.take_signals(ORGANIZATION, signals)
        self.taken |= {signal.id for signal in signals}
        assert {each.id for each in found} <= {each.id for each in await self.incidents()}
        sequence = await self.service.last_sequence(ORGANIZATION)
        assert await self.service.take_signals(ORGANIZATION, signals) == found
        assert await self.service.last_sequence(ORGANIZATION) == sequence

    async def split(self) -> KeptCorrection | None:
        large = [(incident, members) for incident, members in await self.alive() if len(members) > 1]
        if not large:
            return None
        incident, members = self.data.draw(st.sampled_from(large))
        some = self.data.draw(st.lists(st.sampled_from(members), min_size=1, max_size=len(members) - 1, unique=True))
        return (await self.service.split(ORGANIZATION, incident.id, some, by=ANN)).correction

    async def merge(self) -> KeptCorrection | None:
        alive = [incident.id for incident, _ in await self.alive()]
        if len(alive) < 2:
            return None
        first, *others = self.data.draw(st.lists(st.sampled_from(alive), min_size=2, max_size=3, unique=True))
        return (await self.service.merge(ORGANIZATION, first, others, by=ANN)).correction

    async def move(self) -> KeptCorrection | None:
        alive = await self.alive()
        full = [(incident, members) for incident, members in alive if members]
        if len(alive) < 2 or not full:
            return None
        source, members = self.data.draw(st.sampled_from(full))
        target = self.data.draw(st.sampled_from([incident.id for incident, _ in alive if incident.id != source.id]))
        some = self.data.draw(st.lists(st.sampled_from(members), min_size=1, unique=True))
        return (await self.service.move(ORGANIZATION, source.id, some, target, by=ANN)).correction

    async def correct(self) -> None:
        kept = await self._correct()
        if kept is not None:
            self.corrections.append(kept)

    async def correct_and_take(self) -> None:
        await self.correct()
        await self.take()

    async def correct_and_undo(self) -> None:
        before = await self.homes()
        status = {incident.number: incident.status for incident, _ in await self.alive()}
        kept = await self._correct()
        if kept is not None:
            await self.service.undo(ORGANIZATION, kept.id, by=ANN)
            assert await self.homes() == before
            assert {incident.number: incident.status for incident, _ in await self.alive()} == status

    async def undo(self) -> None:
        if self.corrections:
            kept = self.data.draw(st.sampled_from(self.corrections))
            await self.service.undo(ORGANIZATION, kept.id, by=ANN)
            self.corrections.remove(kept)

    async def _correct(self) -> KeptCorrection | None:
        kind = self.data.draw(st.sampled_from(CorrectionKind))
        doing: dict[CorrectionKind, Callable[[], Awaitable[KeptCorrection | None]]] = {
            CorrectionKind.SPLIT: self.split,
            CorrectionKind.MERGE: self.merge,
            CorrectionKind.MOVE: self.move,
        }
        return await doing[kind]()

    async def check(self) -> None:
        """Raise where something is not as it must always be."""
        alive = await self.alive()
        members = [id_ for _, ids in alive for id_ in ids]
        assert len(members) == len(set(members))
        waiting = {signal.id for signal in self.universe if not signal.opens}
        assert self.taken - set(members) <= waiting
        assert set(members) <= self.taken
        assert all(ids for _, ids in alive)
        if self.corrections:
            homes = await self.homes()
            sides = [{homes[id_] for id_ in side} for side in self.corrections[-1].correction.sides]
            assert all(len(side) <= 1 for side in sides)
            assert sum(len(side) for side in sides) == len(set().union(*sides))
        newest = {each.incident.id: each for each in await self.service.events_after(ORGANIZATION, 0)}
        assert {id_: each.incident.version for id_, each in newest.items()} == {
            incident.id: incident.version for incident in await self.incidents()
        }
        assert sorted(id_ for kept in self.corrections for id_ in [kept.id]) == sorted(
            {
                kept.id
                for incident in await self.incidents()
                for kept in await self.service.corrections(ORGANIZATION, incident.id)
            }
        )


def _id(signal: Signal) -> UUID:
    return signal.id


@few
@given(universes(), st.data())
def test_every_signal_is_in_one_incident_and_corrections_hold(
    migrated_sqlite_file: Path, universe: list[Signal], data: st.DataObject
) -> None:
    async def run(path: Path) -> None:
        database = Database(f"sqlite:///{path}")
        try:
            await add_organizations(database)
            clock = SteppedClock()
            service = IncidentsService(IncidentsRepository(database), clock=clock, call_graph=shop)
            world = World(service, data, universe)
            doing = (world.take, world.correct_and_take, world.correct_and_take, world.correct_and_undo, world.undo)
            for step in data.draw(st.lists(st.integers(0, len(doing) - 1), min_size=4, max_size=10)):
                clock.pass_seconds(data.draw(st.integers(0, 60)))
                await doing[step]()
                await world.check()
        finally:
            await database.close()

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "tocsin.db"
        shutil.copy(migrated_sqlite_file, path)
        asyncio.run(run(path))
