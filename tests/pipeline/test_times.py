"""Times are microseconds inside and one exact form outside."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.times import format_time, micros_of, parse_canonical, parse_time
from tests.support.properties import PROPERTY

zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    timezones=zones,
)


@PROPERTY
@given(moments)
def test_a_time_comes_back_from_its_text(moment: datetime) -> None:
    micros = micros_of(moment)
    assert parse_time(format_time(micros)) == parse_canonical(format_time(micros)) == micros


@PROPERTY
@given(moments)
def test_a_time_with_any_offset_is_the_same_instant(moment: datetime) -> None:
    assert parse_time(moment.isoformat()) == micros_of(moment)


@PROPERTY
@given(moments)
def test_every_time_comes_out_as_rfc3339_in_utc_with_six_digits(moment: datetime) -> None:
    text = format_time(micros_of(moment))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", text)
    assert datetime.fromisoformat(text) == moment


def test_a_time_without_zone_is_taken_as_utc() -> None:
    assert parse_time("2025-06-01 12:00:00.25") == parse_time("2025-06-01T12:00:00.25Z")


def test_digits_after_the_sixth_are_cut() -> None:
    assert parse_time("2025-06-01T12:00:00.1234569Z") == parse_time("2025-06-01T12:00:00.123456Z")


def test_micros_are_exact_far_from_the_epoch() -> None:
    assert micros_of(datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == (
        253_402_300_799_999_999
    )


@pytest.mark.parametrize(
    "text",
    [
        "2025-06-01T12:00:00",
        "2025-06-01 12:00:00+00:00",
        "2025-06-01T12:00Z",
        "20250601T120000Z",
        "2025-W22-7T12:00:00Z",
        "2025-06-01T12:00:00,5Z",
        " 2025-06-01T12:00:00Z",
        "2025-06-01T12:00:00Z\n",
        "\u0662025-06-01T12:00:00Z",
    ],
)
def test_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="RFC 3339"):
        parse_time(text)
