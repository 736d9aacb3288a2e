"""Every folder under `use_cases/` keeps what the pipeline expects of a business case."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

import use_cases
from generator.lookup_file import write_lookup
from generator.stream import world_of
from pipeline import lookups
from pipeline.declaration import UseCase
from pipeline.events import EventDecoder
from pipeline.fold import COUNTED, Fold, Tables
from pipeline.state import EntityState, StateCodec
from pipeline.topics import Topics
from pipeline.validation import Validator
from pipeline.world import WORLD_END, World, WorldSize

EVENTS = 2_000


@pytest.fixture(params=use_cases.streams())
def case(request: pytest.FixtureRequest) -> UseCase:
    return use_cases.load(request.param)


@pytest.fixture
def world(case: UseCase) -> World:
    return world_of(case.name)(WorldSize(users=40, events=50, seed=3))


@pytest.fixture
def tables(case: UseCase, world: World, tmp_path: Path) -> Tables:
    found = {}
    for lookup in case.lookups:
        path = tmp_path / f"{lookup.name}.csv"
        write_lookup(path, lookup, world.lookups()[lookup.name])
        version = lookups.install(path, tmp_path, case, lookup.name)
        found[lookup.name] = lookups.LookupTables(tmp_path, case).table(lookup.name, version)
    return found


def canonical(case: UseCase, world: World) -> list[bytes]:
    validator = Validator(case)
    records = islice(world.events(), EVENTS)
    return [validator.canonical(record.value, WORLD_END).value for record in records]


def test_every_event_of_its_world_is_valid(case: UseCase, world: World) -> None:
    assert len(canonical(case, world)) == min(world.total, EVENTS)


def test_its_canonical_events_are_canonical_again(case: UseCase, world: World) -> None:
    once = canonical(case, world)
    validator = Validator(case)
    assert [validator.canonical(value, WORLD_END).value for value in once] == once


def test_its_world_makes_events_count_and_features_move(
    case: UseCase, world: World, tables: Tables
) -> None:
    fold, decoder, codec = Fold(case), EventDecoder(case), StateCodec(case)
    states: dict[str, EntityState] = {}
    reasons = set()
    for value in canonical(case, world):
        event = decoder.decode(value)
        state = states.setdefault(event.entity, fold.empty())
        reasons.add(fold.apply(state, event, tables).reason)
    assert COUNTED in reasons
    for state in states.values():
        read = codec.decode([_bytes(one) for one in codec.encode(state)])
        assert read is not None
        assert codec.encode(read) == codec.encode(state)
        assert fold.values(read, WORLD_END) == fold.values(state, WORLD_END)
        assert tuple(fold.features(state, WORLD_END)) == case.features


def test_its_model_reads_features_of_its_own(case: UseCase) -> None:
    assert set(case.inputs) <= set(case.features)


def test_what_its_model_predicts_is_a_declared_outcome_or_follows_from_a_rule(
    case: UseCase,
) -> None:
    outcomes = {one.name for event in case.events for one in event.fields if one.outcome}
    ruled = {""} if case.label_rule else set()
    assert case.outcome in (outcomes | ruled if case.model else {""})


def test_no_two_cases_share_a_topic() -> None:
    topics = [
        name
        for case in map(use_cases.load, use_cases.streams())
        for name in (Topics.of(case).generated, *Topics.of(case).ours)
    ]
    assert len(topics) == len(set(topics))


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
