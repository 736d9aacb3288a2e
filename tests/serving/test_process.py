"""The scoring stage as a process on the real Kafka and Redis: one inference for each request."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from pipeline.control import erase_record, is_control
from pipeline.keys import SCORES
from pipeline.manifest import (
    model_folder,
    newest_folder,
    read_manifest,
    verified_model,
    write_model,
)
from pipeline.origin import HEADER
from pipeline.records import OutRecord
from pipeline.registry import Aliases, write_aliases
from serving.core import STAGE
from serving.holder import ModelHolder
from tests.support.events import SOURCE_ID, caused_by
from tests.support.fakes import first_of_each_origin, origin_of
from tests.support.kafka import eventually
from tests.support.processes import PARTITIONS, World
from use_cases.first_day_churn import USE_CASE

REQUESTS = 1000
USERS = 40
MODELS = Path(__file__).parents[2] / "models"


def request(n: int) -> OutRecord:
    """A serving record of a user, always in the same partition."""
    features = {name: float((n * 7 + place) % 100) for place, name in enumerate(USE_CASE.features)}
    value = {
        "schema_version": 1,
        "user_id": f"u{n % USERS}",
        "event_type": "bet",
        "event_time": "2025-06-01T12:00:00.000000Z",
        "as_of": "2025-06-01T12:00:00.000000Z",
        "lookups": {},
        "features": features,
    }
    return OutRecord(f"u{n % USERS}".encode(), orjson.dumps(value), caused_by(n))


def install(world: World) -> None:
    """The shipped model under the world's name."""
    shipped = newest_folder(MODELS, USE_CASE.name)
    manifest = read_manifest(shipped)
    write_model(
        model_folder(world.directory / "models", world.name, manifest.version),
        replace(manifest, use_case=world.name),
        verified_model(shipped, manifest),
        "",
    )


@pytest.fixture
def filled(world: World) -> World:
    """`serving-features` with a replay and an erased user, and a model."""
    install(world)
    logs = [[request(n) for n in range(REQUESTS) if n % PARTITIONS == p] for p in range(PARTITIONS)]
    erased = erase_record("u3")
    logs[1] += [
        OutRecord(erased.key, erased.value, (*erased.headers, caused_by(REQUESTS)[0])),
        logs[1][10],
    ]
    for partition, log in enumerate(logs):
        world.cluster.append(world.topics.features, partition, log)
    return world


def assert_each_request_has_its_inference(world: World) -> None:
    model = ModelHolder.load(world.directory / "models", world.case).current
    for partition, records in world.cluster.read(world.topics.inferences).items():
        told = first_of_each_origin([one.out for one in records], partition)
        effective = [one for one in told if not is_control(one.headers)]
        erased = [(one.key, origin_of(one).offset) for one in told if is_control(one.headers)]
        assert erased == ([(b"u3", REQUESTS)] if partition == 1 else [])
        found = [orjson.loads(one.value or b"") for one in effective]
        mine = [n for n in range(REQUESTS) if n % PARTITIONS == partition]
        assert [one["id"] for one in found] == [f"{SOURCE_ID}/0/{n}/0" for n in mine]
        assert [(dict(one.headers)[HEADER] or b"").decode() for one in effective] == [
            one["id"] for one in found
        ]
        rows = [[one["features"][name] for name in model.features] for one in found]
        scores = [float(model.score(np.asarray([row]))[0]) for row in rows[:20]]
        assert [one["probability"] for one in found[:20]] == scores
    latest = {
        f"u{n % USERS}": f"{SOURCE_ID}/0/{n}/0".encode() for n in range(REQUESTS) if n % USERS != 3
    }
    kept = {user: score[b"inference_id"] for user, score in world.entities(SCORES).items()}
    assert kept == latest


def test_it_is_killed_in_the_middle_and_goes_on(filled: World) -> None:
    filled.kill_in_the_middle(STAGE, SCORES, filled.topics.features)
    assert filled.committed(STAGE) == filled.ends(filled.topics.features)
    assert_each_request_has_its_inference(filled)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("faults", "status"), [("after-outputs=raise:2", 1), ("after-outputs=exit:3", 137)]
)
def test_it_crashes_between_its_steps_and_goes_on(filled: World, faults: str, status: int) -> None:
    filled.crash(STAGE, SCORES, filled.topics.features, faults, status)
    assert_each_request_has_its_inference(filled)


def test_without_a_model_it_refuses_in_one_line(filled: World) -> None:
    with filled.worker(STAGE, MODELS=str(filled.directory / "none")) as worker:
        assert worker.ends() == 3
    assert "there is no model of" in worker.log.read_text().splitlines()[-1]


def newer(world: World) -> None:
    """The model once more as version 2, and champion."""
    models = world.directory / "models"
    first = newest_folder(models, world.name)
    manifest = replace(read_manifest(first), version="2")
    write_model(
        model_folder(models, world.name, "2"), manifest, verified_model(first, manifest), ""
    )
    write_aliases(models, world.name, Aliases(champion="2", before=(first.name,)))


def test_a_new_champion_is_in_force_within_five_seconds_and_no_record_is_lost(world: World) -> None:
    install(world)
    sent = 0

    def send() -> int:
        nonlocal sent
        world.cluster.append(world.topics.features, 0, [request(sent * PARTITIONS)])
        sent += 1
        return sent

    def versions() -> list[str]:
        records = first_of_each_origin(
            [one.out for one in world.cluster.read(world.topics.inferences)[0]], 0
        )
        return [orjson.loads(one.value or b"")["version"] for one in records]

    with world.worker(STAGE) as worker:
        eventually(lambda: send() and "1" in versions(), 60)
        newer(world)
        eventually(lambda: send() and "2" in versions(), 5)
        world.wait_until_applied(SCORES, world.topics.features, worker)
    found = versions()
    assert len(found) == sent
    assert found == sorted(found)
