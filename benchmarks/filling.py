"""What is there before anything is measured: the log, the naive's share of it, and its model."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.checks import Features, stored_features
from benchmarks.contender import ROOT, module
from benchmarks.lab import Lab
from benchmarks.reading import records_by_partition
from benchmarks.size import EVENTS_EACH
from cli.lookup_loading import load_lookup
from pipeline.kafka.outputs import Outputs
from pipeline.manifest import newest_folder, read_manifest
from pipeline.records import OutRecord, Target
from pipeline.world import WorldSize
from training.candidates import CANDIDATES
from training.source import table_of_world, world_of

_SEED = 1
_TRAINING_USERS = 1_000


@dataclass(frozen=True, slots=True)
class Facts:
    """What the naive contenders have to do, as our workers did it: of the users that they get."""

    naive_events: int
    naive_requests: int
    features: Features
    model: str


def generate(lab: Lab) -> None:
    """Write the world to `generated-events`, and its lookup table to a file."""
    arguments = ["--users", str(lab.size.users), "--events", str(EVENTS_EACH)]
    arguments += ["--seed", str(_SEED), "--lookups", str(lab.generated)]
    with (lab.directory / "generator.log").open("wb") as log:
        argv = module("generator", *arguments)
        subprocess.run(argv, env=lab.environ, cwd=ROOT, check=True, stdout=log, stderr=log)


def load_lookups(lab: Lab) -> None:
    """Put the lookup tables in force: a control record of each in each partition of the log."""
    for lookup in lab.case.lookups:
        load_lookup(lab.settings, lab.case, lab.generated / f"{lookup.name}.csv", lookup.name)


def fill_naive(lab: Lab) -> Facts:
    """Give the naive their events and their model, once our workers have been through the log."""
    events = _of_users(lab, lab.topics.incoming)
    write(lab, lab.naive.incoming, events)
    requests = _of_users(lab, lab.topics.features)
    return Facts(
        naive_events=sum(map(len, events)),
        naive_requests=sum(map(len, requests)),
        features=stored_features(lab, f"{lab.case.name}:features:"),
        model=_train_original(lab),
    )


def write(lab: Lab, topic: str, records: Sequence[Sequence[OutRecord]]) -> None:
    """Append to each partition of a topic, and return when all is acknowledged."""
    asyncio.run(_write(lab, topic, records))


async def _write(lab: Lab, topic: str, records: Sequence[Sequence[OutRecord]]) -> None:
    outputs = Outputs(lab.settings.kafka)
    try:
        await outputs.deliver({Target(topic, number): one for number, one in enumerate(records)})
    finally:
        await outputs.close()


def _of_users(lab: Lab, topic: str) -> list[list[OutRecord]]:
    """Key and value of the records of the first users, by partition."""
    users = lab.size.folded_by_naive
    return [
        [OutRecord(one.key, one.value) for one in records if _is_of(users, one.key)]
        for records in records_by_partition(lab, topic)
    ]


def _is_of(users: int, key: bytes | None) -> bool:
    """Whether the key is one of the first `users` of the world: their ids end with a number."""
    return key is not None and int(key.rpartition(b"-")[2]) < users


def _train_original(lab: Lab) -> str:
    """Fit the shipped model's kind in scikit-learn, on less; returns that kind's name."""
    kind = read_manifest(newest_folder(ROOT / "models", lab.case.name)).algorithm
    size = WorldSize(_TRAINING_USERS, EVENTS_EACH, _SEED + 1)
    table = table_of_world(lab.case, world_of(lab.case.name, size), size.end)
    candidate = next(one for one in CANDIDATES if one.name == kind)
    lab.model.write_bytes(pickle.dumps(candidate.fit(lab.case, table, _SEED)))
    return kind
