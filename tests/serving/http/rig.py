"""The service on fakes, and whoever asks it: a program on this machine, or one far away."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import httpx
import orjson
from fastapi import FastAPI

from pipeline.clock import FixedClock
from pipeline.declaration import UseCase
from pipeline.events import EventDecoder
from pipeline.features import FeatureCodec
from pipeline.fold import Fold
from pipeline.marker import Marker
from pipeline.partitioner import partition_of
from pipeline.records import OutRecord
from pipeline.settings import HttpSettings
from pipeline.state import EntityState, StateCodec
from pipeline.store.states import StateReader
from pipeline.times import HOUR, parse_time
from serving.http.models import Models
from serving.http.service import Parts, assembled
from serving.http.source import SourceTopic
from serving.http.stored import StoredFeatures
from tests.support.events import bet, purchase
from tests.support.fakes import FakeStore, FakeWriter
from use_cases.first_day_churn import USE_CASE

PARTITIONS = 4
NOW = parse_time("2026-01-02T03:04:05Z")
MODELS = Path(__file__).parents[3] / "models"
USER = "3f2a-7"
"""The user of the examples."""

HERE = ("127.0.0.1", 40_000)
FAR = ("192.0.2.7", 40_000)


@cache
def models() -> Models:
    """The models that the project ships."""
    return Models.load(MODELS)


NO_MODELS = Models.declared(MODELS)
"""No use case has one."""


async def _no_connections() -> None:
    """Fakes have none."""


async def _partitions() -> int:
    return PARTITIONS


@dataclass
class Service:
    """The service with what it reads and writes; `models` are the shipped ones."""

    case: UseCase = USE_CASE
    settings: HttpSettings = field(default_factory=HttpSettings)
    store: FakeStore = field(default_factory=FakeStore)
    writer: FakeWriter = field(default_factory=FakeWriter)
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW))
    models: Models = field(default_factory=models)

    @cached_property
    def parts(self) -> Parts:
        peek = self.store.peek(StateCodec(self.case).fields, FeatureCodec(self.case).fields)
        reader = StateReader(peek, self.case, PARTITIONS)
        return Parts(
            case=self.case,
            models=self.models,
            features=StoredFeatures(self.case, reader, self.clock),
            source=SourceTopic(self.writer, "generated-events", _partitions),
            clock=self.clock,
            release=_no_connections,
        )

    @cached_property
    def app(self) -> FastAPI:
        return assembled(self.settings, self.parts)

    def caller(self, address: tuple[str, int] = HERE, host: str = "127.0.0.1") -> httpx.AsyncClient:
        """Someone at an address who asks for a host."""
        transport = httpx.ASGITransport(self.app, client=address)
        return httpx.AsyncClient(transport=transport, base_url=f"http://{host}:8000")

    async def hold(self, name: str, state: EntityState | None, generation: str = "g1") -> None:
        """Keep a state of an entity, or none, under what is then the live generation."""
        partition = partition_of(name.encode(), PARTITIONS)
        believed = await self.store.marker(partition)
        marker = Marker.first("topic", generation, self.case.fingerprint, PARTITIONS)
        values = None if state is None else StateCodec(self.case).encode(state)
        await self.store.write(partition, believed, marker, {name: values})

    @property
    def sent(self) -> list[OutRecord]:
        """The events that have been stored."""
        return [record for records in self.writer.logs.values() for record in records]


def folded(bets: int = 3, at: int = NOW - HOUR) -> EntityState:
    """The state after a purchase and some bets, the last of which is of `at`."""
    events = [purchase(50, at=at - bets), *(bet(5 + n, at=at - n) for n in reversed(range(bets)))]
    return state_after(USE_CASE, events)


def state_after(case: UseCase, events: list[dict[str, Any]]) -> EntityState:
    """What the fold makes of events."""
    fold, decoder = Fold(case), EventDecoder(case)
    state = fold.empty()
    for event in events:
        fold.apply(state, decoder.decode(orjson.dumps(event)), {})
    return state


def reasons(answer: httpx.Response) -> list[tuple[str, str]]:
    """What an error names: field and reason of each issue."""
    return [(one.get("field", ""), one["reason"]) for one in answer.json()["errors"]]
