"""Every line of "Bad input" has one stable reason; what is accepted comes out canonical."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import DataError
from pipeline.times import MINUTE, format_time
from pipeline.validation import MAX_BYTES, Canonical, Validator
from tests.support.events import NOON
from tests.support.properties import PROPERTY
from use_cases.first_day_churn import USE_CASE

VALIDATOR = Validator(USE_CASE)
BET = {
    "user_id": "u1",
    "event_type": "bet",
    "event_time": "2025-06-01T12:00:00.000000Z",
    "bet_amount": 12.5,
}
REGISTRATION = {"user_id": "u1", "event_type": "registration", "event_time": BET["event_time"]}


def canonical(raw: bytes | None, record_time: int = NOON) -> Canonical:
    return VALIDATOR.canonical(raw, record_time)


def accepted(event: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads(canonical(json.dumps(event).encode()).value)
    return content


def refused(raw: bytes | None, record_time: int = NOON) -> tuple[str, str]:
    with pytest.raises(DataError) as caught:
        canonical(raw, record_time)
    return caught.value.reason, caught.value.detail


def reason_of(changes: dict[str, Any], event: dict[str, Any] = BET) -> tuple[str, str]:
    return refused(json.dumps({**event, **changes}).encode())


def without(name: str, event: dict[str, Any] = BET) -> bytes:
    return json.dumps({key: value for key, value in event.items() if key != name}).encode()


def amount(text: str) -> bytes:
    return json.dumps({**BET, "bet_amount": "?"}).replace('"?"', text).encode()


def test_a_canonical_record_is_exact() -> None:
    raw = b"""{"event_id": "e1", "user_id": "u1", "extra": {"b": [1, "\\u00e9"]},
      "event_type": "new_bet", "event_time": "2025-06-01 12:00:00.5", "bet_amount": 12}"""
    assert canonical(raw, NOON + MINUTE) == Canonical(
        entity="u1",
        event_type="bet",
        value='{"event_id":"e1","user_id":"u1","extra":{"b":[1,"é"]},"event_type":"bet",'
        '"event_time":"2025-06-01T12:00:00.500000Z","bet_amount":12.0,"schema_version":1}'.encode(),
    )


def test_a_canonical_record_is_its_own_canonical_record() -> None:
    once = canonical(json.dumps(BET).encode())
    assert canonical(once.value) == once


@pytest.mark.parametrize(
    ("alias", "name"),
    [(alias, event.name) for event in USE_CASE.events for alias in (event.name, *event.aliases)],
)
def test_every_alias_becomes_its_canonical_name(alias: str, name: str) -> None:
    event = {**BET, "event_type": alias, "amount": 1, "win_amount": 1}
    assert accepted(event)["event_type"] == name


@pytest.mark.parametrize(
    "text",
    [
        "2025-06-01T12:00:00Z",
        "2025-06-01t12:00:00.000000z",
        "2025-06-01T14:00:00+02:00",
        "2025-06-01T06:30:00.0-05:30",
        "2025-06-01 12:00:00",
        "2025-06-01 12:00:00.0",
    ],
)
def test_both_forms_of_time_become_rfc3339_in_utc_with_six_digits(text: str) -> None:
    assert accepted({**BET, "event_time": text})["event_time"] == "2025-06-01T12:00:00.000000Z"


def test_unknown_fields_are_kept_as_they_came() -> None:
    extra = {"nested": {"list": [1, 2.5, None, True, {"deep": ""}]}, "empty": {}, "n": -7}
    assert {name: accepted({**BET, **extra})[name] for name in extra} == extra


def test_a_schema_version_that_came_is_overwritten() -> None:
    assert accepted({**BET, "schema_version": 99})["schema_version"] == 1


def test_an_optional_field_may_be_missing_or_null() -> None:
    assert "city" not in accepted(REGISTRATION)
    assert accepted({**REGISTRATION, "city": None})["city"] is None


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (None, "null_value"),
        (b"", "not_json"),
        (b"not json", "not_json"),
        (b'{"user_id":"u1"}{}', "not_json"),
        (b"[]", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"1", "not_an_object"),
        (b"null", "not_an_object"),
        (b'{"user_id":"\xff"}', "not_utf8"),
        (b"\xed\xa0\x80", "not_utf8"),
        (b" " * (MAX_BYTES + 1), "too_large"),
        (b"[" * 5000 + b"]" * 5000, "not_json"),
    ],
)
def test_what_is_no_object_in_json_is_rejected(raw: bytes | None, reason: str) -> None:
    assert refused(raw)[0] == reason


@pytest.mark.parametrize("kind", ["", "bets", "BET", 1, None, ["bet"], {"bet": 1}])
def test_an_unknown_event_type_is_rejected(kind: object) -> None:
    assert reason_of({"event_type": kind}) == ("unknown_event_type", "event_type")


def test_a_missing_event_type_is_rejected() -> None:
    assert refused(without("event_type")) == ("unknown_event_type", "event_type")


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        (None, "missing_entity"),
        ("", "empty_entity"),
        (17, "entity_not_text"),
        (["u"], "entity_not_text"),
        ("u" * 129, "entity_too_long"),
        ("é" * 65, "entity_too_long"),
        ("a\nb", "entity_control_characters"),
        ("a\x00", "entity_control_characters"),
        ("a\x7f", "entity_control_characters"),
        ("a\x9f", "entity_control_characters"),
        ("\ud800", "not_unicode"),
    ],
)
def test_a_bad_user_id_is_rejected(user: object, reason: str) -> None:
    assert reason_of({"user_id": user})[0] == reason


def test_a_missing_user_id_is_rejected() -> None:
    assert refused(without("user_id")) == ("missing_entity", "user_id")


@pytest.mark.parametrize("user", ["u" * 128, "é" * 64, "a b", "{3}", "😀", "a\u00ad"])
def test_any_other_user_id_of_128_bytes_is_accepted(user: str) -> None:
    assert accepted({**BET, "user_id": user})["user_id"] == user


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        (None, "missing_event_time"),
        (1748779200, "unparsable_event_time"),
        ("", "unparsable_event_time"),
        ("yesterday", "unparsable_event_time"),
        ("2025-06-01", "unparsable_event_time"),
        ("2025-06-01T12:00:00", "unparsable_event_time"),
        ("2025-06-01 12:00:00Z", "unparsable_event_time"),
        ("2025-06-01 12:00:00.1234567", "unparsable_event_time"),
        ("2025-02-29T12:00:00Z", "unparsable_event_time"),
        ("2025-06-01T12:00:60Z", "unparsable_event_time"),
        ("2025-06-01T12:00:00+24:00", "unparsable_event_time"),
        ("2014-12-31T23:59:59.999999Z", "implausible_event_time"),
        ("0001-01-01T00:00:00Z", "implausible_event_time"),
        ("0001-01-01T00:00:00+23:59", "unparsable_event_time"),
        ("2025-06-01T12:05:00.000001Z", "implausible_event_time"),
    ],
)
def test_a_bad_event_time_is_rejected(time: object, reason: str) -> None:
    assert reason_of({"event_time": time}) == (reason, "event_time")


@pytest.mark.parametrize("time", ["2015-01-01T00:00:00Z", "2025-06-01T12:05:00Z"])
def test_the_limits_of_plausible_times_are_included(time: str) -> None:
    assert accepted({**BET, "event_time": time})["event_time"] == time[:-1] + ".000000Z"


def test_a_time_beyond_the_calendar_is_rejected_where_the_record_has_no_time_of_its_own() -> None:
    raw = json.dumps({**BET, "event_time": "9999-12-31T23:59:59-01:00"}).encode()
    assert refused(raw, 2**62)[0] == "unparsable_event_time"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("null", "missing_field"),
        ('"12"', "not_a_number"),
        ("true", "not_a_number"),
        ("false", "not_a_number"),
        ("[1]", "not_a_number"),
        ("NaN", "not_finite"),
        ("Infinity", "not_finite"),
        ("-Infinity", "not_finite"),
        ("1e999", "not_finite"),
        ("-0.01", "out_of_range"),
        ("-1", "out_of_range"),
        ("1000000000.1", "out_of_range"),
        ("1000000001", "out_of_range"),
        ("1" * 400, "out_of_range"),
    ],
)
def test_a_bad_amount_is_rejected(text: str, reason: str) -> None:
    found, detail = refused(amount(text))
    assert (found, detail.split(",")[0]) == (reason, "bet_amount")


def test_a_missing_amount_is_rejected() -> None:
    assert refused(without("bet_amount")) == ("missing_field", "bet_amount")


@pytest.mark.parametrize("text", ["0", "0.0", "-0.0", "1e9", "1000000000", "0.1", "5e-324"])
def test_an_amount_within_its_limits_is_carried_as_a_double(text: str) -> None:
    content = orjson.loads(canonical(amount(text)).value)
    assert repr(content["bet_amount"]) == repr(float(text))


@pytest.mark.parametrize(
    ("postcode", "reason"),
    [
        ("10000", "not_an_integer"),
        (1.5, "not_an_integer"),
        (True, "not_an_integer"),
        ([1], "not_an_integer"),
        (2**63, "out_of_range"),
        (1e300, "out_of_range"),
    ],
)
def test_a_postcode_that_is_no_integer_is_rejected(postcode: object, reason: str) -> None:
    assert reason_of({"postcode": postcode}, REGISTRATION)[0] == reason


def test_a_postcode_without_a_fraction_becomes_an_integer() -> None:
    raw = json.dumps({**REGISTRATION, "postcode": 10000.0}).encode()
    assert b'"postcode":10000,' in canonical(raw).value


@pytest.mark.parametrize("label", [-1, 2])
def test_a_label_that_is_neither_0_nor_1_is_rejected(label: int) -> None:
    assert reason_of({"label": label}, REGISTRATION) == ("out_of_range", "label, 0 to 1")


@pytest.mark.parametrize(
    ("city", "reason"), [(7, "not_text"), ("x" * 4097, "text_too_long"), ("\udfff", "not_unicode")]
)
def test_a_bad_text_is_rejected(city: object, reason: str) -> None:
    assert reason_of({"city": city}, REGISTRATION)[0] == reason


@pytest.mark.parametrize("event_id", [None, "", 7, "e" * 65, "é" * 33, ["e"]])
def test_an_event_id_that_is_no_string_of_1_to_64_bytes_is_rejected(event_id: object) -> None:
    assert reason_of({"event_id": event_id})[0] == "bad_event_id"


@pytest.mark.parametrize("event_id", ["e", "e" * 64, "é" * 32])
def test_an_event_id_of_1_to_64_bytes_is_accepted(event_id: str) -> None:
    assert accepted({**BET, "event_id": event_id})["event_id"] == event_id


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity", "1e999", '"\\ud800"'])
def test_what_json_cannot_carry_is_rejected_in_an_unknown_field_too(token: str) -> None:
    raw = json.dumps({**BET, "extra": "?"}).replace('"?"', token).encode()
    assert refused(raw)[0] == "not_json"


@pytest.mark.parametrize(
    ("levels", "reason"),
    [(254, "too_deep"), (900, "too_deep"), (30_000, "not_json")],
)
def test_nested_garbage_is_rejected(levels: int, reason: str) -> None:
    raw = json.dumps({**BET, "extra": "?"}).replace('"?"', "[" * levels + "]" * levels).encode()
    assert refused(raw)[0] == reason


def test_a_record_of_64_kib_is_accepted_and_one_byte_more_is_not() -> None:
    short = json.dumps({**BET, "extra": ""}).encode()
    fits = short.replace(b'"extra": ""', b'"extra": "' + b"x" * (MAX_BYTES - len(short)) + b'"')
    assert len(fits) == MAX_BYTES
    assert canonical(fits).entity == "u1"
    assert refused(fits.replace(b'"extra": "', b'"extra": "x'))[0] == "too_large"


SECRET = "seldom-seen-value"


@pytest.mark.parametrize(
    "changes",
    [
        {"user_id": SECRET * 10},
        {"user_id": f"{SECRET}\n"},
        {"user_id": [SECRET]},
        {"event_type": SECRET},
        {"event_time": SECRET},
        {"event_id": SECRET * 10},
        {"event_id": [SECRET]},
        {"bet_amount": SECRET},
        {"bet_amount": 917_354_221_987},
        {"bet_amount": None, "x": SECRET},
    ],
)
def test_no_reason_or_detail_carries_a_value(changes: dict[str, Any]) -> None:
    reason, detail = reason_of(changes)
    assert SECRET not in reason + detail
    assert "917" not in detail


def test_no_detail_carries_a_value_of_a_record_that_is_no_json() -> None:
    reason, detail = refused(b'{"user_id": "' + SECRET.encode() + b'\xff"}')
    assert SECRET not in reason + detail


@PROPERTY
@given(st.binary(max_size=200))
def test_any_bytes_are_accepted_or_rejected_and_never_stop_the_handler(raw: bytes) -> None:
    assert refused(raw)[0]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@PROPERTY
@given(
    st.dictionaries(
        st.sampled_from([*BET, "event_id", "postcode", "x"]), json_values | st.just(BET["user_id"])
    ),
    st.sampled_from(["bet", "registration", "new_purchase", "other"]),
)
def test_any_object_is_accepted_as_canonical_or_rejected(fields: dict[str, Any], kind: str) -> None:
    raw = json.dumps({**BET, **fields, "event_type": kind}).encode()
    try:
        first = canonical(raw)
    except DataError:
        return
    assert canonical(first.value) == first


@PROPERTY
@given(st.integers(min_value=0, max_value=NOON))
def test_every_plausible_time_is_accepted_exactly(micros: int) -> None:
    time = format_time(micros)
    if micros < 1_420_070_400_000_000:  # 2015
        assert reason_of({"event_time": time})[0] == "implausible_event_time"
    else:
        assert accepted({**BET, "event_time": time})["event_time"] == time
