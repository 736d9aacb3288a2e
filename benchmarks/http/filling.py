"""What is there before anything is asked: users in Redis for both servers, and tables of people.

The users' states are those that the fold makes of their lives, written as the worker writes them.
"""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import use_cases
from benchmarks.http.flask_server import OUTCOME, PLAYERS, SUBSCRIBERS, USER_KEY
from benchmarks.visits import Scribe
from pipeline.declaration import UseCase
from pipeline.events import EventDecoder
from pipeline.fold import Fold
from pipeline.keys import FEATURES, Keys
from pipeline.marker import Marker
from pipeline.records import OutRecord
from pipeline.settings import Settings
from pipeline.state import EntityState, StateCodec
from pipeline.store.client import connect
from pipeline.store.store import Store
from pipeline.world import WorldSize
from training.forms.recipes import recipe_of
from training.source import table_of_world, world_of
from use_cases.subscription_churn.world import dependent
from use_cases.telecom_churn.world import draw

USERS = 1_000
SUBSCRIPTION = "subscription_churn"
_SEED = 21
_PLAYERS = WorldSize(200, 20, _SEED)

States = Mapping[str, EntityState]


def subscribers(count: int) -> list[dict[str, Any]]:
    """Subscribers that no model has learnt from."""
    return [dict(one.request) for one in dependent(count, _SEED)]


def fill_tables(directory: Path) -> None:
    """As many subscribers as the shipped model was trained on, and the scores of some players."""
    recipe, case = recipe_of(SUBSCRIPTION), use_cases.load("first_day_churn")
    drawn = list(dependent(recipe.rows, recipe.seed))
    learnt = ((*one.request.values(), int(one.churned)) for one in drawn)
    _write_table(directory / SUBSCRIBERS, drawn[0].request, learnt)
    table = table_of_world(case, world_of(case.name, _PLAYERS), _PLAYERS.end)
    rows = zip(table.inputs.tolist(), table.labels.tolist(), strict=True)
    _write_table(directory / PLAYERS, case.inputs, ((*inputs, label) for inputs, label in rows))


def _write_table(path: Path, inputs: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow((*inputs, OUTCOME))
        writer.writerows(rows)


def fill_customers(path: Path, rows: int) -> None:
    """A table of telecom customers in CSV, without their outcome."""
    drawn = list(draw(rows, _SEED))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, drawn[0].request)
        writer.writeheader()
        writer.writerows(one.request for one in drawn)


def fill_users(settings: Settings) -> None:
    """Put the users into Redis, in both forms."""
    asyncio.run(_fill_users(settings))


async def _fill_users(settings: Settings) -> None:
    case, client = use_cases.load(settings.use_case), connect(settings.redis)
    codec, fold = StateCodec(case), Fold(case)
    store = Store(client, Keys(case.name, FEATURES), codec.fields)
    marker = Marker.first("bench", "g1", case.fingerprint, settings.partitions)
    lives = Scribe(settings.partitions, appended_at=0).lives(range(USERS), _SEED)
    try:
        for partition, records in enumerate(lives):
            states = _folded(case, records)
            values = {name: codec.encode(state) for name, state in states.items()}
            await store.write(partition, None, marker, values)
            told = {
                USER_KEY + name: json.dumps(fold.features(state, state.newest or 0))
                for name, state in states.items()
            }
            await client.mset(told)
    finally:
        await client.aclose()


def _folded(case: UseCase, records: Iterable[OutRecord]) -> States:
    fold, decoder = Fold(case), EventDecoder(case)
    tables = {lookup.name: dict[int | str, float]() for lookup in case.lookups}
    states: dict[str, EntityState] = {}
    for record in records:
        event = decoder.decode(record.value or b"")
        fold.apply(states.setdefault(event.entity, fold.empty()), event, tables)
    return states
