"""Rows of several requests are one call of the model, and each request gets its own."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from serving.http.scoring import Matrix, Scoring


class Sums:
    """A model that gives the sum of a row; notes how many rows it got, and on which thread."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, bool]] = []

    def score(self, rows: Matrix, /) -> Matrix:
        self.calls.append((len(rows), threading.current_thread() is threading.main_thread()))
        found: Matrix = rows.sum(axis=1)
        return found


def rows(*values: float) -> Matrix:
    return np.array([[value, 1.0] for value in values])


async def test_what_comes_in_one_turn_is_scored_in_one_call() -> None:
    model = Sums()
    scoring = Scoring(lambda: model)
    asked = map(scoring.score, (rows(1), rows(2, 3), rows(4)))
    found = [probabilities for _, probabilities in await asyncio.gather(*asked)]
    assert found == [[2.0], [3.0, 4.0], [5.0]]
    assert model.calls == [(4, True)]


@pytest.mark.parametrize("count", [64, 500])
async def test_many_rows_are_scored_on_another_thread_and_nobody_waits_for_them(
    count: int,
) -> None:
    model = Sums()
    scoring = Scoring(lambda: model)
    (_, many), (_, few) = await asyncio.gather(
        scoring.score(rows(*range(count))), scoring.score(rows(7))
    )
    assert (len(many), many[-1], few) == (count, count, [8.0])
    assert sorted(model.calls) == [(1, True), (count, False)]


async def test_few_rows_of_many_requests_do_not_hold_up_the_loop_either() -> None:
    model = Sums()
    scoring = Scoring(lambda: model)
    await asyncio.gather(*(scoring.score(rows(1)) for _ in range(100)))
    assert model.calls == [(100, False)]


async def test_each_is_told_which_model_it_was() -> None:
    models = [Sums(), Sums()]
    scoring = Scoring(lambda: models[0])
    before, _ = await scoring.score(rows(1))
    models.reverse()
    after, _ = await scoring.score(rows(1))
    assert (before, after) == (models[1], models[0])
