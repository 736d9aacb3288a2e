"""The fold, rule by rule: what counts, what a duplicate is, when the index is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.declaration import Aggregation, EventType, Integer, ModelInputs, Number, UseCase
from pipeline.events import EventDecoder
from pipeline.fold import Fold, Outcome, Tables
from pipeline.state import EntityState
from pipeline.times import HOUR
from pipeline.windows import FirstDay, Lifetime
from tests.support.events import NOON, SECOND, bet, purchase, registration, win
from tests.support.properties import PROPERTY
from use_cases.first_day_churn import USE_CASE

FOLD = Fold(USE_CASE)
EIGHT = Fold(replace(USE_CASE, remembered_ids=8))
DECODER = EventDecoder(USE_CASE)
TABLES: Tables = {"socioeconomic_idx": {10000: 3.5, 10001: 0.0}}

Content = Mapping[str, Any]


def apply(
    state: EntityState, content: Content, tables: Tables = TABLES, fold: Fold = FOLD
) -> Outcome:
    return fold.apply(state, DECODER.decode(orjson.dumps(content)), tables)


def after(*contents: Content, fold: Fold = FOLD) -> EntityState:
    state = fold.empty()
    for content in contents:
        apply(state, content, fold=fold)
    return state


def reasons(*contents: Content, fold: Fold = FOLD) -> list[str]:
    state = fold.empty()
    return [apply(state, content, fold=fold).reason for content in contents]


def features(state: EntityState, as_of: int = NOON) -> dict[str, float | int]:
    return FOLD.features(state, as_of)


def test_before_its_first_event_an_entity_has_default_features() -> None:
    assert features(FOLD.empty()) == dict.fromkeys(USE_CASE.features, 0)


def test_features_stand_in_the_declared_order() -> None:
    assert (*features(after(purchase(1))),) == USE_CASE.features


def test_what_counts_goes_into_its_own_aggregation() -> None:
    found = features(after(purchase(10), bet(1), bet(4), win(200)))
    counts = [found[f"{name}_count"] for name in ("purchase", "bet", "win")]
    sums = [found[f"{name}_sum"] for name in ("purchase", "bet", "win")]
    assert (counts, sums) == ([1, 2, 1], [10, 5, 200])
    assert (found["bet_mean"], found["bet_var"], found["win_var"]) == (2.5, 4.5, 0)


def test_a_bet_before_the_first_purchase_record_is_not_open() -> None:
    assert reasons(bet(1), win(1), purchase(1), bet(1)) == [
        "not_open",
        "not_open",
        "counted",
        "counted",
    ]


def test_a_bet_that_comes_before_the_first_purchase_in_the_log_never_counts() -> None:
    assert features(after(bet(1, at=NOON + 1), purchase(1)))["bet_count"] == 0


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (NOON, "counted"),
        (NOON + 24 * HOUR, "counted"),
        (NOON + 24 * HOUR + 1, "after_window"),
        (NOON - 1, "before_window"),
    ],
)
def test_an_event_counts_within_a_day_of_the_first_purchase(at: int, reason: str) -> None:
    assert reasons(purchase(1), bet(1, at=at))[1] == reason


def test_reading_later_changes_nothing_in_a_day_that_is_over() -> None:
    state = after(purchase(10), bet(1), bet(4))
    assert features(state, NOON) == features(state, NOON + 1000 * HOUR)


def test_an_earlier_purchase_that_comes_later_does_not_move_the_window() -> None:
    earlier = purchase(1, at=NOON - HOUR)
    state = after(purchase(1), earlier)
    assert state.opened == [NOON]
    assert features(state)["purchase_count"] == 1
    assert apply(state, bet(1, at=NOON - 1)).reason == "before_window"


def test_a_duplicate_of_the_first_purchase_does_not_open_anything() -> None:
    state = after(bet(1, event_id="a"))
    assert apply(state, purchase(1, event_id="a")).reason == "duplicate"
    assert state.opened == [None]


def test_a_registration_is_counted_nowhere() -> None:
    assert reasons(registration()) == ["not_aggregated"]


def test_a_bet_or_win_that_counts_causes_a_score_and_nothing_else_does() -> None:
    state = FOLD.empty()
    contents = [
        registration(),
        bet(1),
        purchase(1),
        bet(1, event_id="a"),
        bet(1, event_id="a"),
        win(1),
        bet(1, at=NOON + 25 * HOUR),
        win(1, at=NOON - 1),
    ]
    scored = [apply(state, content).causes_score for content in contents]
    assert scored == [False, False, False, True, False, True, False, False]


def test_until_a_registration_the_index_is_the_default() -> None:
    assert features(after(purchase(1)))["socioeconomic_idx"] == 0.0


def test_a_registration_looks_the_index_up() -> None:
    state = FOLD.empty()
    outcome = apply(state, registration(postcode=10000))
    assert (features(state)["socioeconomic_idx"], outcome.missed) == (3.5, ())


def test_an_index_of_zero_in_the_table_is_no_miss() -> None:
    assert apply(FOLD.empty(), registration(postcode=10001)).missed == ()


def test_a_registration_may_come_late() -> None:
    state = after(purchase(1), bet(2), registration(postcode=10000))
    assert features(state)["socioeconomic_idx"] == 3.5


def test_a_later_registration_replaces_the_index() -> None:
    state = after(registration(postcode=10000), registration(postcode=10001))
    assert features(state)["socioeconomic_idx"] == 0.0


@pytest.mark.parametrize("fields", [{"postcode": 99999}, {"postcode": None}])
def test_an_unknown_postcode_gives_the_default_and_is_missed(fields: dict[str, Any]) -> None:
    state = after(registration(postcode=10000))
    outcome = apply(state, registration(**fields))
    assert features(state)["socioeconomic_idx"] == 0.0
    assert outcome.missed == ("socioeconomic_idx",)


def test_without_a_table_every_look_up_misses() -> None:
    outcome = apply(FOLD.empty(), registration(postcode=10000), {})
    assert outcome.missed == ("socioeconomic_idx",)


def test_a_later_table_changes_no_one_who_is_registered() -> None:
    state = after(registration(postcode=10000))
    apply(state, bet(1), {"socioeconomic_idx": {10000: 7.0}})
    assert features(state)["socioeconomic_idx"] == 3.5


def ids(*names: str) -> list[Content]:
    return [bet(1, event_id=name) for name in names]


def test_an_event_id_that_came_before_is_a_duplicate_whatever_its_type() -> None:
    assert reasons(registration(event_id="a"), *ids("a")) == ["not_aggregated", "duplicate"]


def test_what_did_not_count_can_be_duplicated_too() -> None:
    assert reasons(*ids("a", "a")) == ["not_open", "duplicate"]


def test_the_declared_number_of_different_ids_is_remembered_and_no_more() -> None:
    eight = [f"e{n}" for n in range(8)]
    assert reasons(*ids(*eight, "e0"), fold=EIGHT)[-1] == "duplicate"
    assert reasons(*ids(*eight, "e8", "e0"), fold=EIGHT)[-1] == "not_open"
    assert reasons(*ids(*eight, "e8", "e1"), fold=EIGHT)[-1] == "duplicate"
    assert reasons(*ids(*eight, "e8", "e0"))[-1] == "duplicate"


def test_a_duplicate_changes_nothing_not_even_the_order_of_the_ids() -> None:
    before = after(purchase(1), *ids("a", "b", "c"))
    state = before.copy()
    assert apply(state, bet(99, at=NOON + HOUR, event_id="a")).reason == "duplicate"
    assert state == before


def test_an_id_seen_again_among_the_8_leaves_when_its_first_place_leaves() -> None:
    eight = [f"e{n}" for n in range(8)]
    assert reasons(*ids(*eight, "e0", "e8", "e0"), fold=EIGHT)[-1] == "not_open"


def test_an_event_without_id_is_never_a_duplicate_and_takes_no_place() -> None:
    eight = [f"e{n}" for n in range(8)]
    without = [bet(1) for _ in range(20)]
    came = reasons(*ids(*eight), *without, *ids("e0"), fold=EIGHT)
    assert came[8:] == ["not_open"] * 20 + ["duplicate"]


def test_the_newest_time_is_the_latest_event_time_even_of_what_does_not_count() -> None:
    late = bet(1, at=NOON + 48 * HOUR)
    assert after(purchase(1), late, bet(1, at=NOON + SECOND)).newest == NOON + 48 * HOUR


def test_a_duplicate_does_not_move_the_newest_time() -> None:
    state = after(bet(1, event_id="a"), bet(1, at=NOON + HOUR, event_id="a"))
    assert state.newest == NOON


def test_a_copy_of_a_state_is_independent() -> None:
    state = after(registration(postcode=10000), purchase(1), bet(2, event_id="a"))
    copied = state.copy()
    apply(copied, registration(postcode=10001))
    apply(copied, bet(5, at=NOON + HOUR, event_id="b"))
    assert state == after(registration(postcode=10000), purchase(1), bet(2, event_id="a"))


def test_label_and_personal_fields_change_no_feature() -> None:
    plain = registration(postcode=10000)
    full = registration(postcode=10000, label=1, name="N", date_of_birth="D", street_address="S")
    assert features(after(plain)) == features(after(full))
    assert after(plain) == after(full)


def case_of(*aggregations: Aggregation, scored_on: tuple[str, ...] = ()) -> UseCase:
    return UseCase(
        name="case",
        entity="user_id",
        events=(
            EventType("open", fields=(Integer(name="label", outcome=True),)),
            EventType("pay", fields=(Number(name="amount", required=True),)),
        ),
        lookups=(),
        aggregations=aggregations,
        scored_on=scored_on,
        model=ModelInputs(()),
        outcome="label",
        fold_version=1,
    )


def test_an_event_counts_when_any_of_its_aggregations_takes_it_in() -> None:
    case = case_of(
        Aggregation("day", "pay", "amount", FirstDay("open")),
        Aggregation("ever", "pay", "amount", Lifetime()),
        scored_on=("pay",),
    )
    fold, state = Fold(case), EntityState.empty(case)
    event = EventDecoder(case).decode(
        orjson.dumps(
            {
                "user_id": "u",
                "event_type": "pay",
                "event_time": "2025-06-01T12:00:00.000000Z",
                "amount": 2,
            }
        )
    )
    assert fold.apply(state, event, {}) == Outcome("counted", causes_score=True)
    found = fold.features(state, NOON)
    assert (found["day_count"], found["ever_count"], found["ever_sum"]) == (0, 1, 2.0)


contents = st.one_of(
    st.builds(
        lambda build, amount, minutes, name: build(
            amount, at=NOON + minutes * SECOND * 60, event_id=name
        ),
        st.sampled_from([purchase, bet, win]),
        st.integers(0, 10**9),
        st.integers(-3000, 3000),
        st.none() | st.sampled_from([f"e{n}" for n in range(12)]),
    ),
    st.builds(registration, postcode=st.none() | st.sampled_from([10000, 10001, 10002])),
)


def model(log: list[Content], most: int) -> dict[str, float]:
    """The contract written a second time, over the whole log at once."""
    remembered: list[str] = []
    opened: int | None = None
    taken: dict[str, list[float]] = {"purchase": [], "bet": [], "win": []}
    index = 0.0
    for content in log:
        name = content.get("event_id")
        if name in remembered[-most:]:
            continue
        remembered += [name] if name is not None else []
        kind = content["event_type"]
        at = DECODER.decode(orjson.dumps(content)).at
        if kind == "registration":
            index = TABLES["socioeconomic_idx"].get(content.get("postcode", -1), 0.0)
            continue
        if kind == "purchase" and opened is None:
            opened = at
        if opened is not None and 0 <= at - opened <= 24 * HOUR:
            taken[kind].append(content[{"purchase": "amount"}.get(kind, f"{kind}_amount")])
    found = {"socioeconomic_idx": index}
    for kind, values in taken.items():
        mean = sum(values) / len(values) if values else 0.0
        squares = sum((value - mean) ** 2 for value in values)
        found[f"{kind}_sum"], found[f"{kind}_mean"] = float(sum(values)), mean
        found[f"{kind}_count"] = len(values)
        found[f"{kind}_var"] = squares / (len(values) - 1) if len(values) > 1 else 0.0
    return found


@PROPERTY
@given(st.lists(contents, max_size=40), st.integers(2, 12))
def test_the_fold_is_what_the_contract_says(log: list[Content], most: int) -> None:
    fold = Fold(replace(USE_CASE, remembered_ids=most))
    expected = pytest.approx(model(log, most), rel=1e-9, abs=1e-6)
    assert features(after(*log, fold=fold)) == expected
