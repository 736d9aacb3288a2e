from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

import use_cases
from benchmarks.parts import ASKED_FOR, PARTS
from benchmarks.peers.players import Player, request
from pipeline.events import EventDecoder
from pipeline.fold import Fold
from pipeline.state import EntityState
from pipeline.validation import Validator
from pipeline.world import WORLD_END, WorldSize
from use_cases.first_day_churn.world import build

CASE = use_cases.load("first_day_churn")


def test_the_peers_features_and_requests_are_those_of_the_fold() -> None:
    world = build(WorldSize(users=20, events=60, seed=7))
    tables = {name: dict(rows) for name, rows in world.lookups().items()}
    table = {int(key): value for key, value in tables["socioeconomic_idx"].items()}
    fold, decoder, validator = Fold(CASE), EventDecoder(CASE), Validator(CASE)
    states: dict[str, EntityState] = {}
    players: dict[str, Player] = {}
    for record in world.events():
        value = validator.canonical(record.value, WORLD_END).value
        event, fields = decoder.decode(value), orjson.loads(value)
        state = states.setdefault(event.entity, fold.empty())
        player = players.setdefault(event.entity, Player())

        assert player.apply(fields, table) == fold.apply(state, event, tables).causes_score
        wanted = fold.features(state, event.at)
        assert request(player, fields)["features"] == pytest.approx(wanted, rel=1e-9)
    assert len(players) == 20


def test_a_player_is_the_same_behind_its_hash() -> None:
    player = Player()
    for number in range(5):
        player.apply(event("purchase", number), {})

    assert Player.of(player.hash()).hash() == player.hash()
    assert Player.of(Player().hash()).hash() == Player().hash()


def event(kind: str, number: int) -> dict[str, Any]:
    at = datetime(2025, 6, 1, number, tzinfo=UTC).isoformat()
    return {"event_type": kind, "event_time": at, "amount": number / 3}


def test_only_what_needs_more_than_is_installed_is_left_out_unless_named() -> None:
    assert [name for name in PARTS if name in ASKED_FOR] == ["peers", "http"]
