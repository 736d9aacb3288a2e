from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from pipeline.declaration import UseCase
from pipeline.events import Event, EventDecoder
from tests.support.events import NOON, SECOND, bet, purchase, registration, win
from training.optimum import FirstDayLog, first_day_churn

HOUR = 3600 * SECOND
END = NOON + 72 * HOUR
PRIOR = 0.7


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


def from_log(case: UseCase, *sent: dict[str, Any]) -> float:
    log, decoder = FirstDayLog(END), EventDecoder(case, also=FirstDayLog.fields)
    events: list[Event] = [decoder.decode(orjson.dumps(one)) for one in sent]
    for event in events:
        log.observe(event)
    return log.of(events[0].entity)


def test_the_log_says_nothing_before_anything_happened() -> None:
    assert FirstDayLog(END).of("nobody") == pytest.approx(PRIOR)


@pytest.mark.parametrize(("postcode", "posterior"), [(12_000, PRIOR), (12_001, 1), (12_002, 0)])
def test_a_postcode_tells_by_its_remainder(case: UseCase, postcode: int, posterior: float) -> None:
    said = from_log(case, registration(postcode=postcode))
    assert said == pytest.approx(posterior, abs=1e-9)


def test_who_was_away_has_stayed(case: UseCase) -> None:
    assert from_log(case, purchase(50), bet(10, at=NOON + 16 * HOUR)) < 1e-9


def test_who_was_not_away_is_a_little_more_likely_to_churn(case: UseCase) -> None:
    here = from_log(case, purchase(50), purchase(50, at=NOON + 50 * SECOND))
    assert here == pytest.approx(0.7 / (0.7 + 0.3 * 0.995))


def test_near_the_end_no_one_could_have_been_away(case: UseCase) -> None:
    late = END - 30 * HOUR + SECOND
    here = from_log(case, purchase(50, at=late), purchase(50, at=late + 50 * SECOND))
    assert here == pytest.approx(PRIOR)


def test_a_win_before_the_first_purchase_counts_in_the_log(case: UseCase) -> None:
    assert from_log(case, win(200)) == pytest.approx(0.7 / (0.7 + 5 * 0.3))
