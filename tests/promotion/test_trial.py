"""A trial out of the log: the right scores are compared, by user, with a rule when to stop."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import Refusal
from pipeline.registry import Aliases, Challenger
from pipeline.times import format_time
from promotion.figures import Interval
from promotion.trial import Advice, Course, course
from tests.promotion.logs import LABELS, TRUTH, inference, logged, shadowed
from tests.support.events import NOON
from use_cases.first_day_churn import USE_CASE

SHADOW = Challenger(version="2", since=format_time(NOON))
SHARE = Challenger(version="2", since=format_time(NOON), share=0.4)


def run(root: Path, trial: Challenger = SHADOW) -> Course:
    return course(USE_CASE, [root], Aliases(champion="1", challenger=trial))


def everyone(
    score: Callable[[str, int], dict[str, Any]], users: int = len(TRUTH)
) -> list[dict[str, Any]]:
    return [score(user, n) for n, user in enumerate([*TRUTH][:users])]


def test_in_shadow_a_better_challenger_is_found(tmp_path: Path) -> None:
    found = run(logged(tmp_path, everyone(lambda u, n: shadowed(u, n, 0.5, TRUTH[u]))))
    assert found.advice is Advice.CHALLENGER
    assert (found.users, found.scores) == (600, 600)
    assert found.champion_log_loss == pytest.approx(math.log(2))
    assert found.difference.value == pytest.approx(
        found.challenger_log_loss - found.champion_log_loss
    )


def test_in_shadow_a_worse_challenger_is_found(tmp_path: Path) -> None:
    found = run(logged(tmp_path, everyone(lambda u, n: shadowed(u, n, TRUTH[u], 0.5))))
    assert found.advice is Advice.CHAMPION


def test_two_that_answer_alike_are_equal(tmp_path: Path) -> None:
    found = run(logged(tmp_path, everyone(lambda u, n: shadowed(u, n, 0.5, 0.501))))
    assert found.advice is Advice.EQUAL


def test_a_few_users_decide_nothing(tmp_path: Path) -> None:
    few = everyone(lambda u, n: shadowed(u, n, 0.5, float(LABELS[u])), users=99)
    assert run(logged(tmp_path, few)).advice is Advice.GO_ON


def served_by_share(user: str, n: int) -> dict[str, Any]:
    """The challenger knows the truth, the champion nothing."""
    if SHARE.takes(user):
        return inference(user, n, version="2", probability=TRUTH[user])
    return inference(user, n)


def test_with_a_share_a_better_challenger_is_found(tmp_path: Path) -> None:
    found = run(logged(tmp_path, everyone(served_by_share)), SHARE)
    assert found.advice is Advice.CHALLENGER
    assert found.difference.value == pytest.approx(
        found.challenger_log_loss - found.champion_log_loss, abs=0.05
    )


def test_a_score_by_the_model_that_should_not_have_served_the_user_is_left_out(
    tmp_path: Path,
) -> None:
    """Workers see a new trial a second apart."""
    scores = everyone(served_by_share)
    late = [inference(user, 1_000 + n) for n, user in enumerate(TRUTH) if SHARE.takes(user)]
    assert run(logged(tmp_path, scores + late), SHARE).scores == len(scores)


def test_a_user_with_many_scores_counts_once(tmp_path: Path) -> None:
    scores = everyone(lambda u, n: shadowed(u, n, 0.5, TRUTH[u]))
    more = [shadowed("u0", 1_000 + n, 0.5, 0.0001) for n in range(500)]
    once, often = (
        run(logged(tmp_path / name, all_))
        for name, all_ in (("once", scores), ("often", scores + more))
    )
    assert often.users == once.users
    assert often.difference.value == pytest.approx(once.difference.value, abs=0.02)


@pytest.mark.parametrize(
    "other",
    [
        {"scored_at": format_time(NOON - 1)},
        {"shadow_version": "3"},
        {"version": "4"},
        {"user_id": "stranger"},
    ],
    ids=["before the trial", "another challenger", "another champion", "no label"],
)
def test_what_is_not_of_the_trial_is_left_out(tmp_path: Path, other: dict[str, str]) -> None:
    scores = everyone(lambda u, n: shadowed(u, n, 0.5, TRUTH[u]))
    stranger = shadowed("u1", 1_000, 0.5, 0.5, **other)
    assert run(logged(tmp_path, [*scores, stranger])).scores == len(scores)


def test_a_trial_of_which_nothing_is_known_yet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="whose label is known"):
        run(logged(tmp_path, [inference("u1", 0)]))


def test_without_a_trial_there_is_no_course(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no version is on trial"):
        course(USE_CASE, [tmp_path], Aliases(champion="1"))


def test_nothing_is_decided_while_zero_is_within_a_wide_interval() -> None:
    open_ = Course(SHADOW, "1", 500, 900, 0.5, 0.5, Interval(-0.01, -0.1, 0.08))
    assert open_.advice is Advice.GO_ON
