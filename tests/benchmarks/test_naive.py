from __future__ import annotations

from typing import Any

import orjson
import pytest

import use_cases
from benchmarks.naive.state import change, request
from pipeline.events import EventDecoder
from pipeline.fold import Fold
from pipeline.state import EntityState
from pipeline.validation import Validator
from pipeline.world import WORLD_END, WorldSize
from use_cases.first_day_churn.world import build

CASE = use_cases.load("first_day_churn")


def test_the_naive_features_and_requests_are_those_of_the_fold() -> None:
    world = build(WorldSize(users=20, events=60, seed=7))
    tables = {name: dict(rows) for name, rows in world.lookups().items()}
    postcodes = {int(key): value for key, value in tables["socioeconomic_idx"].items()}
    fold, decoder, validator = Fold(CASE), EventDecoder(CASE), Validator(CASE)
    states: dict[str, EntityState] = {}
    naive: dict[str, dict[str, Any]] = {}
    for record in world.events():
        value = validator.canonical(record.value, WORLD_END).value
        event, fields = decoder.decode(value), orjson.loads(value)
        state = states.setdefault(event.entity, fold.empty())
        wanted = fold.apply(state, event, tables).causes_score
        kept = naive.setdefault(event.entity, {})
        changed = change({name: str(one) for name, one in kept.items()}, fields, postcodes)
        kept.update(changed)
        asked = request(kept, fields) if changed else None
        assert (asked is not None) == wanted
        if asked is not None:
            assert asked["features"] == pytest.approx(fold.features(state, event.at), rel=1e-9)
    assert len(naive) == 20
