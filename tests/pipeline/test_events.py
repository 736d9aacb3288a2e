"""The fold reads canonical records only, whoever wrote to `incoming-events`."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from pipeline.errors import DataError
from pipeline.events import EventDecoder
from pipeline.validation import Validator
from tests.support.events import NOON, bet, registration
from use_cases.first_day_churn import USE_CASE

DECODER = EventDecoder(USE_CASE)


def refused(value: bytes | None) -> str:
    with pytest.raises(DataError) as caught:
        DECODER.decode(value)
    return caught.value.reason


def test_what_the_handler_writes_is_read() -> None:
    raw = b'{"event_type":"new_bet","user_id":"u1","event_id":"e1","bet_amount":3,'
    raw += b'"event_time":"2025-06-01 12:00:00"}'
    event = DECODER.decode(Validator(USE_CASE).canonical(raw, NOON).value)
    assert (event.entity, event.event_type, event.at) == ("u1", "bet", NOON)
    assert (event.time, event.event_id) == ("2025-06-01T12:00:00.000000Z", "e1")
    assert event.values["bet_amount"] == 3.0


def test_an_event_without_id_has_none() -> None:
    assert DECODER.decode(orjson.dumps(bet(1))).event_id is None


def test_a_null_record_is_refused() -> None:
    assert refused(None) == "null_value"


@pytest.mark.parametrize("value", [b"", b"not json", b"[]", b"1", b"null", b'{"event_type":"bet"}'])
def test_what_is_no_event_is_refused(value: bytes) -> None:
    assert refused(value) == "not_canonical"


@pytest.mark.parametrize(
    "changes",
    [
        {"event_type": "new_bet"},
        {"event_type": ["bet"]},
        {"event_type": None},
        {"user_id": 7},
        {"user_id": None},
        {"event_time": "noon"},
        {"event_time": "2025-06-01 12:00:00"},
        {"event_time": 7},
        {"event_id": 7},
        {"bet_amount": None},
        {"bet_amount": "3"},
        {"bet_amount": True},
    ],
)
def test_what_the_fold_could_not_use_is_refused(changes: dict[str, Any]) -> None:
    assert refused(orjson.dumps({**bet(3), **changes})) == "not_canonical"


@pytest.mark.parametrize("postcode", [["x"], {"a": 1}, 1.5, True])
def test_a_lookup_key_that_is_neither_text_nor_integer_is_refused(postcode: object) -> None:
    assert refused(orjson.dumps(registration(postcode=postcode))) == "not_canonical"


def test_a_missing_lookup_key_is_read() -> None:
    assert DECODER.decode(orjson.dumps(registration())).values == {"postcode": None}
