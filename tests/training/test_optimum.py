from __future__ import annotations

import numpy as np
import pytest

from pipeline.declaration import UseCase
from training.optimum import first_day_churn


def posterior(case: UseCase, **features: float) -> float:
    row = np.array([[features.get(name, 0.0) for name in case.inputs]])
    return float(first_day_churn(case, row)[0])


def test_before_anything_is_known_it_is_the_share_that_churns(case: UseCase) -> None:
    assert posterior(case) == pytest.approx(0.7)


def test_an_index_of_3_is_twice_as_likely_for_who_churns(case: UseCase) -> None:
    assert posterior(case, socioeconomic_idx=3) == pytest.approx(1.4 / (1.4 + 0.3))


def test_an_index_of_1_is_certain(case: UseCase) -> None:
    assert posterior(case, socioeconomic_idx=1, win_count=9) > 0.999


def test_a_win_is_five_times_as_likely_for_who_stays(case: UseCase) -> None:
    assert posterior(case, win_count=1) == pytest.approx(0.7 / (0.7 + 5 * 0.3))


def test_bets_count_each(case: UseCase) -> None:
    churned, stayed = 0.7 * 0.89**10, 0.3 * 0.85**10
    assert posterior(case, bet_count=10) == pytest.approx(churned / (churned + stayed))
