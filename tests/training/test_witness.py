from __future__ import annotations

import math

import numpy as np
import orjson
import pytest

from pipeline.declaration import UseCase
from pipeline.events import Event, EventDecoder
from tests.support.events import bet, registration
from training.table import Table
from training.witness import AGE, Ages, watched


def registered(case: UseCase, born: object) -> Event:
    decoder = EventDecoder(case, also=Ages.fields)
    return decoder.decode(orjson.dumps(registration(date_of_birth=born)))


def test_an_age_is_as_of_the_registration(case: UseCase) -> None:
    ages = Ages()
    ages.observe(registered(case, "1985-06-01"))
    assert ages.of("u1") == pytest.approx(40, abs=0.01)


@pytest.mark.parametrize("born", [None, "unknown", 1985])
def test_what_is_no_date_gives_no_age(case: UseCase, born: object) -> None:
    ages = Ages()
    ages.observe(registered(case, born))
    assert math.isnan(ages.of("u1"))


def test_an_event_is_seen_by_the_witness_before_it_is_handed_on(case: UseCase) -> None:
    decoder, seen = EventDecoder(case), list[Event]()

    class Notes(Ages):
        def observe(self, event: Event) -> None:
            seen.append(event)

    for event in watched([decoder.decode(orjson.dumps(bet(10)))], [Notes()]):
        assert seen == [event]


def test_all_users_of_the_world_are_adults(table: Table) -> None:
    assert 18 < np.min(table.beside[AGE]) < np.max(table.beside[AGE]) < 81
