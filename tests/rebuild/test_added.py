"""What is new in a declaration, by its name; and how much there is to fold for it."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from pipeline.declaration import ModelInputs
from pipeline.errors import Refusal
from pipeline.marker import Marker
from rebuild.added import Added
from rebuild.estimate import estimate
from tests.rebuild.newer import NEWER, PAID, SPENT, with_more
from tests.rebuild.rig import Ledger
from tests.support.events import INCOMING_ID, log_of, purchase
from tests.support.stages import TOPICS
from use_cases.first_day_churn import USE_CASE


@pytest.mark.parametrize("name", ["spent", "spent_var"])
def test_an_aggregation_is_named_by_itself_or_by_a_feature(name: str) -> None:
    assert Added.of(NEWER, [name]).names == {"spent"}


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Refusal, match=r"'spend'\. It declares: purchase, bet, win, spent"):
        Added.of(NEWER, ["spend"])


def test_a_feature_that_the_model_reads_already_is_refused() -> None:
    model = ModelInputs((*NEWER.inputs, "spent_sum"))
    with pytest.raises(Refusal, match="the model reads spent_sum"):
        Added.of(replace(NEWER, model=model), ["spent"])


def test_what_was_there_before_is_carried_but_for_what_all_share() -> None:
    carried = Added.of(with_more(SPENT, PAID), ["spent", "paid"]).carried
    ids = ("recent_ids", "recent_ids_1", "recent_ids_2", "recent_ids_3")
    assert {*carried} == {*USE_CASE.features, "first_purchase", "newest_event", *ids}


def test_what_only_the_new_one_asks_scores_for_was_not_scored_before() -> None:
    aggregations = (USE_CASE.aggregations[0], SPENT)
    case = replace(NEWER, aggregations=aggregations, scored_on=("bet",), model=None)
    assert Added.of(case, ["spent"]).before.scored_on == ()


async def test_an_estimate_counts_what_is_applied_and_measures_the_rate(tmp_path: Path) -> None:
    ledger, ticks = Ledger(tmp_path, partitions=2), count(100)
    logs = {number: log_of([purchase(n, f"u{n}") for n in range(12)]) for number in (0, 1)}
    await ledger.log(TOPICS.incoming, logs, rows=4)
    live = {
        number: replace(Marker.first(INCOMING_ID, "g", "f", 2), offset=offset)
        for number, offset in ((0, 11), (1, 5))
    }
    found = estimate(ledger.features, live, lambda: float(next(ticks)))
    assert (found.partitions, found.records, found.rate, found.seconds) == (2, 20, 4.0, 5.0)


async def test_without_a_log_there_is_nothing_to_measure(tmp_path: Path) -> None:
    found = estimate(Ledger(tmp_path).features, {}, lambda: 0.0)
    assert (found.records, found.seconds) == (0, 0.0)
