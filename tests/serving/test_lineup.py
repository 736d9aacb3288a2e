"""Which model serves whom, and what happens to everyone when a challenger is no good."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from numpy.typing import NDArray

from pipeline.registry import Challenger
from serving.lineup import Alone, Shadowed, Shared
from serving.scorer import NO_SHADOW, Lineup
from tests.support.properties import FEW

Matrix = NDArray[np.float64]
SINCE = "2026-01-02T03:04:05.000000Z"
USERS = [f"u{n}" for n in range(2_000)]
MATRIX = np.linspace(0, 1, len(USERS))[:, None]


@dataclass
class Fixed:
    """Gives every row the first input plus a number."""

    version: str
    more: float = 0.0
    name: str = "case"
    hash: str = "ab"

    def score(self, matrix: Matrix) -> Matrix:
        return np.asarray(np.clip(matrix[:, 0] + self.more, 0, 1))

    def decide(self, probability: float) -> str:
        return "churn" if probability >= 0.5 else "no churn"


class Failing(Fixed):
    def score(self, matrix: Matrix) -> Matrix:
        del matrix
        raise ValueError("no such category")


class Senseless(Fixed):
    def score(self, matrix: Matrix) -> Matrix:
        return np.full(len(matrix), np.nan)


CHAMPION, CHALLENGER = Fixed("1"), Fixed("2", more=0.25)


def served(lineup: Lineup) -> list[str]:
    return [model.version for model, _, _ in lineup.score(USERS, MATRIX)]


def test_alone_the_champion_serves_everyone_without_a_shadow() -> None:
    scores = list(Alone(CHAMPION).score(USERS, MATRIX))
    assert [(m.version, p) for m, p, _ in scores] == [("1", p) for p in MATRIX[:, 0].tolist()]
    assert {shadow for _, _, shadow in scores} == {NO_SHADOW}


def test_in_shadow_the_champion_serves_and_the_challenger_is_told_beside_it() -> None:
    scores = list(Shadowed(CHAMPION, CHALLENGER).score(["a", "b"], np.asarray([[0.25], [0.5]])))
    assert [(m.version, p) for m, p, _ in scores] == [("1", 0.25), ("1", 0.5)]
    assert [shadow for _, _, shadow in scores] == [("2", "ab", 0.5), ("2", "ab", 0.75)]


def test_each_user_of_the_share_is_served_by_the_challenger_and_no_other() -> None:
    takes = Challenger(version="2", since=SINCE, share=0.3).takes
    scores = list(Shared(CHAMPION, CHALLENGER, takes).score(USERS, MATRIX))
    wanted = [
        ("2", min(x + 0.25, 1.0)) if takes(user) else ("1", x)
        for user, x in zip(USERS, MATRIX[:, 0].tolist(), strict=True)
    ]
    assert [(model.version, probability) for model, probability, _ in scores] == wanted


def test_the_share_is_about_what_was_asked_for() -> None:
    takes = Challenger(version="2", since=SINCE, share=0.3).takes
    assert 0.25 < sum(map(takes, USERS)) / len(USERS) < 0.35


def test_another_challenger_takes_other_users() -> None:
    one, other = (Challenger(version=n, since=SINCE, share=0.3) for n in ("2", "3"))
    assert [*map(one.takes, USERS)] != [*map(other.takes, USERS)]


@FEW
@given(st.text(), st.floats(0, 0.99), st.floats(0, 0.99))
def test_a_user_of_a_share_is_in_every_larger_one(user: str, one: float, other: float) -> None:
    small, large = (
        Challenger(version="2", since=SINCE, share=share) for share in sorted((one, other))
    )
    assert small.takes(user) <= large.takes(user)


@pytest.mark.parametrize("challenger", [Failing("2"), Senseless("2")])
def test_a_challenger_that_cannot_score_leaves_everyone_to_the_champion(challenger: Fixed) -> None:
    takes = Challenger(version="2", since=SINCE, share=0.5).takes
    for lineup in (Shadowed(CHAMPION, challenger), Shared(CHAMPION, challenger, takes)):
        scores = list(lineup.score(USERS, MATRIX))
        assert {model.version for model, _, _ in scores} == {"1"}
        assert [probability for _, probability, _ in scores] == MATRIX[:, 0].tolist()
        assert {shadow[0] for _, _, shadow in scores} == {UNSET}


def test_a_share_that_takes_nobody_here_scores_as_the_champion() -> None:
    assert set(served(Shared(CHAMPION, CHALLENGER, lambda _: False))) == {"1"}
