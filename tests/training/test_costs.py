from __future__ import annotations

import numpy as np
import pytest

from pipeline.errors import SettingsError
from training.costs import USUAL, Costs, cost_figures

LABELS = np.array([1, 1, 0, 0])


def test_a_churner_usually_costs_two_offers() -> None:
    assert USUAL.threshold == 0.5


def test_the_threshold_is_where_an_offer_begins_to_pay() -> None:
    assert Costs(offer=1, churner=4).threshold == 0.25


@pytest.mark.parametrize(("offer", "churner"), [(0, 1), (-1, 1), (2, 2), (3, 2)])
def test_an_offer_that_never_pays_or_costs_nothing_is_refused(offer: float, churner: float) -> None:
    with pytest.raises(SettingsError, match="never pays"):
        Costs(offer, churner)


def test_an_offer_costs_whoever_gets_it_and_a_churner_without_one_what_he_is_worth() -> None:
    offered = np.array([True, False, True, False])
    assert Costs(1, 4).mean(LABELS, offered) == (1 + 4 + 1 + 0) / 4


def test_the_cheapest_threshold_costs_no_more_than_the_one_that_is_used() -> None:
    told = cost_figures(Costs(1, 4), LABELS, np.array([0.2, 0.9, 0.3, 0.1]))
    assert told["by_cheapest"] <= told["by_threshold"]
    assert (told["offer_to_all"], told["offer_to_none"]) == (1, 2)
    assert 0.1 < told["cheapest_threshold"] <= 0.2
