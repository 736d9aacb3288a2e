"""An inconsistent declaration cannot be built; its fingerprint changes with what it means."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import use_cases
from pipeline.declaration import (
    Aggregation,
    EventType,
    Integer,
    Lookup,
    ModelInputs,
    Number,
    Silence,
    Text,
    UseCase,
)
from pipeline.errors import SettingsError
from pipeline.windows import FirstDay, Lifetime, Rolling
from use_cases.first_day_churn import USE_CASE

BET_SUM = Aggregation("bet", event="bet", of="bet_amount", window=Lifetime())
CASE = UseCase(
    name="case",
    entity="player",
    events=(
        EventType(
            "join",
            aliases=("new_join",),
            fields=(
                Integer(name="zip"),
                Text(name="city", personal=True),
                Integer(name="label", outcome=True),
                Number(name="height"),
            ),
        ),
        EventType(
            "bet",
            fields=(
                Number(name="bet_amount", required=True, high=10),
                Number(name="tip"),
                Number(name="result", required=True, outcome=True),
            ),
        ),
    ),
    lookups=(Lookup("idx", event="join", key="zip", default=1.0),),
    aggregations=(BET_SUM,),
    scored_on=("bet",),
    model=ModelInputs(("idx", "bet_sum")),
    outcome="label",
    fold_version=1,
)


def with_event(**fields: Any) -> tuple[EventType, ...]:
    """The events of the case, the first one changed."""
    return (replace(CASE.events[0], **fields), CASE.events[1])


def aggregating(**fields: Any) -> tuple[Aggregation, ...]:
    return (replace(BET_SUM, **fields),)


def looking_up(**fields: Any) -> tuple[Lookup, ...]:
    return (replace(CASE.lookups[0], **fields),)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"events": with_event(name="bet")}, "event type bet stands twice"),
        ({"events": with_event(aliases=("bet",))}, "event type bet stands twice"),
        ({"events": with_event(aliases=("a", "a"))}, "event type a stands twice"),
        ({"events": with_event(fields=(Text(name="player"),))}, "field player is reserved"),
        ({"events": with_event(fields=(Text(name="event_time"),))}, "field event_time is reserved"),
        ({"events": with_event(fields=(Text(name="event_id"),))}, "field event_id is reserved"),
        ({"events": with_event(fields=(Text(name="tip"),))}, "field tip has two types"),
        ({"lookups": looking_up(key="height")}, "lookup idx needs a text or integer field height"),
        ({"lookups": looking_up(key="zap")}, "lookup idx needs a text or integer field zap"),
        ({"lookups": looking_up(event="zap")}, "lookup idx needs a text or integer field zip"),
        ({"aggregations": aggregating(of="zap")}, "aggregation bet needs a required number zap"),
        ({"aggregations": aggregating(of="tip")}, "aggregation bet needs a required number tip"),
        ({"aggregations": aggregating(of="result")}, "needs a required number result of bet, no"),
        ({"aggregations": aggregating(event="zap")}, "aggregation bet needs a required number"),
        ({"aggregations": aggregating(event="join", of="city")}, "needs a required number city"),
        (
            {"aggregations": aggregating(window=FirstDay("zap"))},
            "the window of bet opens with an unknown event type",
        ),
        ({"scored_on": ("join",)}, "join causes a score but is in no aggregation"),
        ({"model": ModelInputs(("bet_max",))}, "the model reads an unknown feature bet_max"),
        (
            {"lookups": looking_up(key="label")},
            "text or integer field label of join, no outcome",
        ),
        ({"aggregations": (BET_SUM, BET_SUM)}, "feature bet_sum stands twice"),
        ({"lookups": looking_up(name="bet_sum")}, "feature bet_sum stands twice"),
        (
            {"aggregations": aggregating(statistics=("sum",))},
            "aggregation bet needs a rolling window to tell others",
        ),
        (
            {"aggregations": aggregating(window=Rolling(1), statistics=())},
            "aggregation bet tells nothing",
        ),
        (
            {"aggregations": aggregating(window=Rolling(1), statistics=("median",))},
            "aggregation bet cannot tell median",
        ),
        (
            {"aggregations": aggregating(window=Rolling(1), statistics=("sum", "distinct"))},
            "required text or integer bet_amount .* bet tells distinct, and nothing besides",
        ),
        (
            {"aggregations": aggregating(window=Rolling(1), statistics=("min", "min"))},
            "feature bet_1h_min stands twice",
        ),
        (
            {
                "aggregations": aggregating(
                    event="join", of="city", window=Rolling(1), statistics=("distinct",)
                )
            },
            "aggregation bet is of city, which is personal",
        ),
        ({"aggregations": aggregating(window=Rolling((1, 1)))}, "feature bet_1h_sum stands twice"),
        ({"outcome": "zap"}, "no outcome field is called zap"),
        ({"outcome": "zip"}, "no outcome field is called zip"),
        ({"remembered_ids": 1}, "remembered_ids is not from 2 to 1024"),
        ({"remembered_ids": 1025}, "remembered_ids is not from 2 to 1024"),
        ({"label_rule": Silence("leap")}, "labels opens with an unknown event type leap"),
    ],
)
def test_an_inconsistent_declaration_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        replace(CASE, **changes)
    assert "use case case: " in str(caught.value)


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"unknown feature a; .*unknown feature b"):
        replace(CASE, model=ModelInputs(("a", "b")))


@pytest.mark.parametrize(
    "changes",
    [
        {"entity": "person"},
        {"fold_version": 2},
        {"remembered_ids": 33},
        {"scored_on": ()},
        {"lookups": ()},
        {"lookups": looking_up(default=2.0)},
        {"lookups": looking_up(name="index")},
        {"lookups": looking_up(key="city")},
        {"aggregations": aggregating(name="bets")},
        {"aggregations": aggregating(window=FirstDay("join"))},
        {"aggregations": (*CASE.aggregations, replace(BET_SUM, name="again"))},
    ],
)
def test_what_changes_state_or_outputs_changes_the_fingerprint(changes: dict[str, Any]) -> None:
    plain = replace(CASE, model=None)
    assert replace(plain, **changes).fingerprint != plain.fingerprint


def test_the_aggregated_field_is_in_the_fingerprint() -> None:
    bet = EventType("bet", fields=(Number(name="stake", required=True),))
    other = replace(CASE, events=(CASE.events[0], bet), aggregations=aggregating(of="stake"))
    assert other.fingerprint != CASE.fingerprint


def test_a_window_s_opening_event_and_length_are_in_the_fingerprint() -> None:
    windows = (FirstDay("join"), FirstDay("bet"), FirstDay("join", hours=25), Lifetime())
    prints = {replace(CASE, aggregations=aggregating(window=one)).fingerprint for one in windows}
    assert len(prints) == len(windows)


@pytest.mark.parametrize(
    "changes",
    [
        {"events": with_event(aliases=("joined", "new"))},
        {"events": with_event(fields=(*CASE.events[0].fields, Text(name="extra")))},
        {
            "events": with_event(
                fields=(Integer(name="zip", personal=True, high=99), *CASE.events[0].fields[1:])
            )
        },
        {"model": ModelInputs(("bet_sum", "idx"))},
        {"model": ModelInputs(())},
        {"model": None},
        {"topic_prefix": "other-"},
        {"label_rule": Silence("bet")},
    ],
)
def test_what_changes_neither_does_not_change_the_fingerprint(changes: dict[str, Any]) -> None:
    assert replace(CASE, **changes).fingerprint == CASE.fingerprint


def test_the_order_of_what_is_scored_does_not_change_the_fingerprint() -> None:
    turned = replace(USE_CASE, scored_on=USE_CASE.scored_on[::-1])
    assert turned.fingerprint == USE_CASE.fingerprint


def test_features_are_the_lookups_then_four_of_each_aggregation() -> None:
    assert CASE.features == ("idx", "bet_sum", "bet_mean", "bet_count", "bet_var")


def test_a_rolling_window_s_lengths_and_statistics_are_in_the_fingerprint() -> None:
    declared: list[dict[str, Any]] = [
        {"window": Rolling(1)},
        {"window": Rolling(2)},
        {"window": Rolling((1, 2))},
        {"window": Rolling((2, 1))},
        {"window": Rolling(1), "statistics": ("sum",)},
        {"window": Rolling(1), "statistics": ("sum", "max")},
    ]
    prints = {
        replace(CASE, aggregations=aggregating(**one), model=None).fingerprint for one in declared
    }
    assert len(prints) == len(declared)


def test_hours_may_be_written_as_a_float() -> None:
    lengths = (aggregating(window=Rolling(hours)) for hours in (24, 24.0))
    prints = {replace(CASE, aggregations=one, model=None).fingerprint for one in lengths}
    assert len(prints) == 1


def test_features_of_rolling_windows_carry_their_length_and_come_last() -> None:
    rolling = replace(BET_SUM, name="recent", window=Rolling((1, 168)), statistics=("sum", "max"))
    case = replace(CASE, aggregations=(rolling, BET_SUM))
    recent = ("recent_1h_sum", "recent_1h_max", "recent_7d_sum", "recent_7d_max")
    assert case.features == (*CASE.features, *recent)


def test_counts_are_whole_numbers() -> None:
    rolling = replace(BET_SUM, name="recent", window=Rolling(24))
    assert replace(CASE, aggregations=(rolling, BET_SUM)).whole == {"bet_count", "recent_24h_count"}


def test_a_case_without_a_model_has_no_inputs() -> None:
    assert replace(CASE, model=None).inputs == ()


def test_each_anchor_stands_once() -> None:
    assert USE_CASE.anchors == ("purchase",)


def test_the_default_case_has_its_13_features_in_order() -> None:
    statistics = ("sum", "mean", "count", "var")
    folded = [f"{kind}_{one}" for kind in ("purchase", "bet", "win") for one in statistics]
    assert USE_CASE.features == USE_CASE.inputs == ("socioeconomic_idx", *folded)


@pytest.mark.parametrize("hours", [{"after": -1}, {"hours": 0}])
def test_a_rule_of_labels_without_hours_cannot_be_built(hours: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="no silence of"):
        Silence("bet", **hours)


def test_the_fingerprint_of_the_default_case_is_pinned() -> None:
    """Markers in service carry it: another one makes every worker refuse to start."""
    assert USE_CASE.fingerprint == "ad96969c5a5abbb4"


def test_the_personal_fields_of_the_default_case_are_marked() -> None:
    marked = {one.name for event in USE_CASE.events for one in event.fields if one.personal}
    assert marked == {"name", "date_of_birth", "street_address"}


def test_a_case_is_found_by_its_folder_s_name() -> None:
    assert use_cases.load("first_day_churn") is USE_CASE


def test_an_unknown_case_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="first_day_churn"):
        use_cases.load("zap")
