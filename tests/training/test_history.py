from __future__ import annotations

from typing import Any

import orjson
import pytest

from pipeline.declaration import UseCase
from pipeline.events import Event, EventDecoder
from pipeline.fold import Tables
from pipeline.world import WorldSize
from tests.support.events import NOON, SECOND, bet, purchase, registration, win
from training.history import History, Scored, canonical_events, tables_of
from training.source import world_of

HOUR = 3600 * SECOND
TABLES: Tables = {"socioeconomic_idx": {10_000: 4.0}}


def events(case: UseCase, *sent: dict[str, Any]) -> list[Event]:
    decoder = EventDecoder(case, also=["label"])
    return [decoder.decode(orjson.dumps(one)) for one in sent]


def scored(case: UseCase, *sent: dict[str, Any]) -> list[Scored]:
    return list(History(case, TABLES).scored(events(case, *sent)))


def test_a_row_holds_the_features_as_they_stood_at_its_score(case: UseCase) -> None:
    rows = scored(
        case, registration(postcode=10_000), purchase(50), bet(10), bet(14), win(200), bet(6)
    )
    width = len(case.inputs)
    assert [len(row.values) for row in rows] == [width] * 4
    by_name = dict(zip(case.inputs, rows[1].values, strict=True))
    assert by_name["socioeconomic_idx"] == 4.0
    assert (by_name["bet_sum"], by_name["bet_mean"], by_name["bet_var"]) == (24.0, 12.0, 8.0)
    assert (by_name["purchase_count"], by_name["win_count"]) == (1, 0)


def test_a_bet_before_the_first_purchase_gives_no_row(case: UseCase) -> None:
    assert scored(case, bet(10), purchase(50)) == []


def test_a_win_after_the_first_day_gives_no_row(case: UseCase) -> None:
    assert scored(case, purchase(50), win(200, at=NOON + 24 * HOUR + 1)) == []


def test_a_duplicate_gives_no_second_row(case: UseCase) -> None:
    rows = scored(case, purchase(50), bet(10, event_id="e1"), bet(10, event_id="e1"))
    assert len(rows) == 1


def test_each_user_has_a_state_of_their_own(case: UseCase) -> None:
    rows = scored(case, purchase(50, "u1"), purchase(70, "u2"), bet(10, "u1"), bet(12, "u2"))
    sums = case.inputs.index("purchase_sum")
    assert [(row.entity, row.values[sums]) for row in rows] == [("u1", 50.0), ("u2", 70.0)]


def test_labels_are_those_of_the_registrations(case: UseCase) -> None:
    history = History(case, TABLES)
    sent = events(case, registration("u1", label=1), bet(10, "u2"), registration("u3", label=0))
    list(history.scored(sent))
    assert history.labels == {"u1": 1, "u3": 0}


def test_the_label_is_in_no_row(case: UseCase) -> None:
    stayed, churned = (
        scored(case, registration(postcode=10_000, label=label), purchase(50), bet(10))
        for label in (0, 1)
    )
    assert stayed == churned


def test_every_event_of_the_world_is_read(case: UseCase) -> None:
    size = WorldSize(users=5, events=10, seed=3)
    world = world_of(case.name, size)
    assert len(list(canonical_events(case, world, size.end))) == world.total == 55


def test_the_tables_of_the_world_know_every_postcode(case: UseCase) -> None:
    size = WorldSize(users=5, events=1, seed=3)
    world = world_of(case.name, size)
    table = tables_of(world)["socioeconomic_idx"]
    for event in canonical_events(case, world, size.end):
        if event.event_type == "registration":
            assert table[event.values["postcode"]] == pytest.approx(4, abs=3)
