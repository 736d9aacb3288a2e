from __future__ import annotations

import numpy as np
import pytest

from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from training.candidates import CANDIDATES, Candidate, Classifier, logistic_regression
from training.search import FOLDS, best_of_each, search, thinned
from training.table import Floats, Table

REGRESSION = CANDIDATES[0]


class Constant:
    """Says the same of everyone."""

    def __init__(self, said: float) -> None:
        self._said = said

    def fit(self, X: Floats, y: Floats) -> Constant:  # noqa: ARG002, N803 - scikit-learn's way
        return self

    def predict_proba(self, X: Floats) -> Floats:  # noqa: N803 - scikit-learn's way
        return np.tile([1 - self._said, self._said], (len(X), 1))


def constant(_case: UseCase, _table: Table, _seed: int, said: float) -> Classifier:
    return Constant(said)


CONSTANTS = [Candidate("constant", constant, {"said": said}) for said in (0.5, 0.7, 0.5)]


def test_the_best_by_log_loss_comes_first(case: UseCase, table: Table) -> None:
    tried = search(case, table, [*CONSTANTS, REGRESSION], 1, 0.5)
    assert tried[0].candidate is REGRESSION
    assert tried[1].candidate.parameters == {"said": 0.7}
    assert [one.log_loss for one in tried] == sorted(one.log_loss for one in tried)


def test_of_equal_ones_the_first_named_stays_first(case: UseCase, table: Table) -> None:
    tried = search(case, table, CONSTANTS, 1, 0.5)
    assert [one.candidate for one in tried[1:]] == [CONSTANTS[0], CONSTANTS[2]]


def test_each_kind_is_told_by_its_best(case: UseCase, table: Table) -> None:
    told = best_of_each(search(case, table, [*CONSTANTS, REGRESSION], 1, 0.5))
    assert list(told) == ["logistic_regression", "constant"]
    assert told["constant"].candidate.parameters == {"said": 0.7}


def test_no_user_is_judged_by_a_fit_that_learnt_from_him(case: UseCase, table: Table) -> None:
    learnt: list[set[int]] = []

    def watched(case: UseCase, given: Table, seed: int) -> Classifier:
        learnt.append({*given.users.tolist()})
        return logistic_regression(case, given, seed)

    search(case, table, [Candidate("watched", watched, {})], 1, 0.5)
    everyone = {*table.users.tolist()}
    left_out = [everyone - users for users in learnt]
    assert len(left_out) == FOLDS
    assert set.union(*left_out) == everyone
    assert sum(map(len, left_out)) == len(everyone)


def test_the_fits_are_shown_as_they_go(case: UseCase, table: Table) -> None:
    shown = list[str]()

    def track(items: list[tuple[int, int]], words: str) -> list[tuple[int, int]]:
        shown.append(f"{words} {len(items)}")
        return items

    search(case, table, CONSTANTS, 1, 0.5, track)  # type: ignore[arg-type] # a list is a sequence
    assert shown == [f"cross-validation {FOLDS * len(CONSTANTS)}"]


def test_too_few_users_of_both_kinds_are_refused(case: UseCase, table: Table) -> None:
    with pytest.raises(Refusal, match="too few users"):
        search(case, table.where(table.labels == 1), CONSTANTS, 1, 0.5)


def test_thinning_takes_rows_of_nearly_every_user(table: Table) -> None:
    some = thinned(table, len(table.labels) // 3)
    assert 0 < len(some.labels) <= len(table.labels) / 3
    assert some.count_users() > 0.95 * table.count_users()


def test_a_small_table_is_not_thinned(table: Table) -> None:
    assert len(thinned(table, len(table.labels)).labels) == len(table.labels)
