"""Decoding many lines at once equals parsing each with the standard library, whatever they are."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import orjson
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inference_logger.decode import Shape, decode
from inference_logger.events import EventShape
from inference_logger.inferences import InferenceShape
from pipeline.declaration import Field, Integer, Number, Text
from pipeline.errors import DataError
from pipeline.parquet.format import feature_fields
from pipeline.validation import Validator
from tests.inference_logger.rig import CASE
from tests.support.events import NOON, bet, registration

EVENTS = EventShape.of(CASE)
INFERENCES = InferenceShape.of(CASE)
TIME = "2026-01-02T03:04:05.000006Z"
NOT_ONE_LINE = (
    b"",
    b"{}{}",
    b'{"a":\n1}',
    b"{}\0}",
    b"{}\r{}",
    b"[{}]",
    b"\xef\xbb\xbf{}",
    b"{}\n",
)

Row = dict[str, Any]


def typed(kind: Field, value: Any) -> bool:
    """Whether a parsed value has the declared type."""
    if isinstance(kind, Text):
        return isinstance(value, str)
    if isinstance(kind, Integer):
        return type(value) is int and -(2**63) <= value < 2**63
    return type(value) in (int, float) and abs(value) <= 1e100


def is_entity(value: object) -> bool:
    """What an event may be about."""
    return (
        isinstance(value, str)
        and 1 <= len(value.encode()) <= 128
        and not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in value)
    )


def expected_event(line: bytes | None) -> Row:
    """The row of one line, by the standard library alone."""
    nothing = dict.fromkeys([*EVENTS.typed, "extra", "raw"])
    if line is None:
        return nothing
    document = strictly(line)
    row = None if document is None else event_row(document)
    return {**nothing, "raw": line} if row is None else {**nothing, **row}


def strictly(line: bytes) -> Row | None:
    def refuse(name: str) -> float:
        raise ValueError(name)

    def finite(text: str) -> float:
        if math.isinf(float(text)):
            raise ValueError(text)
        return float(text)

    try:
        document = json.loads(line.decode(), parse_constant=refuse, parse_float=finite)
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def event_row(document: Row) -> Row | None:
    kinds = {event.name: event for event in CASE.events}
    kind = document.get("event_type")
    if not isinstance(kind, str) or kind not in kinds:
        return None
    text, number = Text(name=""), Integer(name="")
    fields: dict[str, Any] = {
        "user_id": text,
        "event_type": text,
        "event_time": text,
        "event_id": text,
        "schema_version": number,
        **{one.name: one for one in kinds[kind].fields},
    }
    row: Row = {}
    extra: Row = {}
    for name, value in document.items():
        known = name in [*EVENTS.typed]
        if name in fields and value is not None and typed(fields[name], value):
            row[name] = value
        elif not (known and value is None):
            extra[name] = value
    if not {"user_id", "event_type", "event_time", "schema_version"} <= row.keys():
        return None
    if not is_entity(row["user_id"]):
        return None
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", row["event_time"]) is None:
        return None
    at = datetime.fromisoformat(row["event_time"])
    return {**row, "event_time": at, "extra": extra or None}


def rows(shape: Shape, lines: Sequence[bytes | None]) -> list[Row]:
    table = pa.table(decode(shape, lines))
    table.validate(full=True)
    return [
        {**row, "extra": None if row["extra"] is None else json.loads(row["extra"])}
        for row in table.to_pylist()
    ]


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=4,
)
NAMES = st.sampled_from([*EVENTS.typed, "zz", ""])
CANONICAL = st.builds(
    lambda kind, amount, user: {
        "user_id": user,
        "event_type": kind,
        "event_time": TIME,
        "schema_version": 1,
        **({} if kind == "registration" else {f"{kind}_amount".replace("purchase_", ""): amount}),
    },
    st.sampled_from([event.name for event in CASE.events]),
    st.floats(0, 1e9),
    st.text(min_size=1, max_size=5),
)
CHANGED = st.builds(
    lambda event, change: {**event, **change}, CANONICAL, st.dictionaries(NAMES, VALUES, max_size=2)
)
DOCUMENTS = st.one_of(CANONICAL, CHANGED, CHANGED, st.dictionaries(NAMES, VALUES, max_size=3))
DUMPED = st.builds(lambda document: json.dumps(document).encode(), DOCUMENTS)
TWICE = st.builds(
    lambda event, name, value: (
        json.dumps(event)[:-1].encode()
        + b","
        + json.dumps(name).encode()
        + b":"
        + json.dumps(value).encode()
        + b"}"
    ),
    CANONICAL,
    NAMES,
    VALUES,
)
SPOILT = st.builds(
    lambda line, at, with_: line[: at % (len(line) + 1)] + with_ + line[at % (len(line) + 1) :],
    DUMPED,
    st.integers(0, 400),
    st.sampled_from(
        [
            b"\n",
            b"\0",
            b"}",
            b"{",
            b"{}",
            b"\r",
            b" ",
            b'"',
            b"\xff",
            b",",
            b"1",
            b"NaN",
            b"e999",
            b"\\ud800",
        ]
    ),
)
JUNK = st.one_of(
    st.sampled_from(NOT_ONE_LINE),
    st.binary(max_size=8),
    st.lists(
        st.sampled_from(
            [b"{", b"}", b"[", b"]", b'"', b",", b":", b"\n", b"\r", b"\0", b" ", b"1"]
        ),
        max_size=8,
    ).map(b"".join),
)
LINES = st.one_of(DUMPED, DUMPED, TWICE, SPOILT, JUNK, st.none())


@given(lines=st.lists(LINES, max_size=6))
@example(lines=[b"", b"{}{}"])
@example(lines=[b'{"user_id":"a"}{"user_id":"b"}', b"\n"])
@settings(max_examples=400, deadline=None)
def test_any_lines_decode_row_for_row_as_the_standard_library_reads_each(
    lines: list[bytes | None],
) -> None:
    assert rows(EVENTS, lines) == [expected_event(line) for line in lines]


@given(line=DUMPED | TWICE | SPOILT)
@settings(max_examples=200, deadline=None)
def test_a_line_reads_the_same_at_first_and_at_second_sight(line: bytes) -> None:
    assert rows(EVENTS, [line]) == rows(replace(EVENTS, decode=refuse), [line])


def refuse(line: bytes) -> Any:
    raise msgspec.DecodeError(repr(line))


@pytest.mark.parametrize("line", NOT_ONE_LINE)
def test_a_line_that_is_not_one_document_shifts_no_other(line: bytes) -> None:
    lines = [orjson.dumps(bet(1)), line, b"", b"{}{}", orjson.dumps(bet(2))]
    found = rows(EVENTS, lines)
    assert [row["raw"] for row in found] == [None, line, b"", b"{}{}", None]
    assert [row["bet_amount"] for row in found] == [1.0, None, None, None, 2.0]


def test_a_value_of_another_event_types_field_is_not_mixed_into_its_column() -> None:
    (row,) = rows(EVENTS, [orjson.dumps({**bet(1), "label": 1, "amount": "much"})])
    assert (row["label"], row["amount"]) == (None, None)
    assert row["extra"] == {"label": 1, "amount": "much"}


@pytest.mark.parametrize(
    "odd",
    [
        *({"event_time": "soon"}, {"event_time": "2026-01-02T03:04:05.1234567Z"}),
        *({"event_time": "2026-01-02 03:04:05.000006Z"}, {"event_time": "2026-01-02T03:04:05Z"}),
        *(
            {"event_time": "0000-01-02T03:04:05.000006Z"},
            {"event_time": "2026-02-30T03:04:05.000006Z"},
        ),
        *({"user_id": ""}, {"user_id": "a\0"}, {"user_id": "é" * 65}),
    ],
)
def test_a_time_or_an_entity_that_is_none_spoils_its_own_line_only(odd: dict[str, str]) -> None:
    bad = orjson.dumps({**bet(3), **odd})
    found = rows(EVENTS, [orjson.dumps(bet(1)), bad, orjson.dumps(bet(2))])
    assert [row["raw"] for row in found] == [None, bad, None]
    assert [row["bet_amount"] for row in found] == [1.0, None, 2.0]


def test_a_number_that_no_field_can_have_has_no_column() -> None:
    (row,) = rows(EVENTS, [orjson.dumps(bet(1.7e308))])
    assert (row["bet_amount"], row["extra"]) == (None, {"bet_amount": 1.7e308})


def test_an_integer_beyond_64_bits_has_no_column() -> None:
    too_large = 2**63
    field = orjson.dumps(registration(postcode=too_large))
    envelope = orjson.dumps({**bet(1), "schema_version": too_large})
    first, second = rows(EVENTS, [field, envelope])
    assert (first["postcode"], first["extra"]) == (None, {"postcode": too_large})
    assert second["raw"] == envelope


def test_an_unknown_field_that_is_null_is_kept() -> None:
    line = orjson.dumps({**bet(1), "mood": None})
    (row,) = rows(EVENTS, [line])
    assert row["extra"] == {"mood": None}


def test_text_that_is_not_utf8_is_kept_raw() -> None:
    line = orjson.dumps(bet(1)).replace(b"u1", b"\xff\xfe")
    good = orjson.dumps(bet(2))
    assert rows(EVENTS, [good, line])[1]["raw"] == line


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"1" + b"0" * 400])
def test_no_nan_and_no_infinity_ever(number: bytes) -> None:
    line = orjson.dumps(bet(7)).replace(b"7.0", number)
    assert rows(EVENTS, [line])[0]["raw"] == line


def field_values(field: Field) -> st.SearchStrategy[Any]:
    if isinstance(field, Integer):
        return st.integers(field.low, field.high) | st.just(1.0)
    if isinstance(field, Number):
        return st.floats(field.low, field.high) | st.integers(0, 10**6)
    return st.text(max_size=20)


@st.composite
def accepted_events(draw: st.DrawFn) -> bytes:
    """Source events of every type, most of which the validator accepts."""
    event = draw(st.sampled_from(CASE.events))
    fields = {
        one.name: draw(field_values(one))
        for one in event.fields
        if one.required or draw(st.booleans())
    }
    more = draw(st.dictionaries(NAMES, VALUES, max_size=2)) if draw(st.booleans()) else {}
    envelope = {
        "user_id": draw(st.text(min_size=1, max_size=8)),
        "event_type": draw(st.sampled_from([event.name, *event.aliases])),
        "event_time": "2024-01-02 03:04:05",
    }
    return json.dumps({**more, **fields, **envelope}).encode()


@given(sources=st.lists(accepted_events(), min_size=1, max_size=5))
@settings(max_examples=300, deadline=None)
def test_every_canonical_record_lands_in_its_columns_without_loss(sources: list[bytes]) -> None:
    lines = list(canonical(sources))
    for line, row in zip(lines, rows(EVENTS, lines), strict=True):
        assert row["raw"] is None
        assert back(row) == without_known_nulls(json.loads(line))


def canonical(sources: Sequence[bytes]) -> list[bytes]:
    validator = Validator(CASE)
    lines = []
    for source in sources:
        try:
            lines.append(validator.canonical(source, NOON).value)
        except DataError:
            continue
    return lines


def back(row: Row) -> Row:
    fields = {name: value for name, value in row.items() if value is not None}
    fields |= fields.pop("extra", {})
    fields["event_time"] = fields["event_time"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return fields


def without_known_nulls(document: Row) -> Row:
    known = [*EVENTS.typed]
    return {
        name: value for name, value in document.items() if value is not None or name not in known
    }


def inference(**changes: Any) -> Row:
    features = {field.name: 2.5 for field in feature_fields(CASE)} | {
        f"{one.name}_count": 3 for one in CASE.aggregations
    }
    return {
        "schema_version": 1,
        "id": "topic/1/2/0",
        "scored_at": TIME,
        "user_id": "u1",
        "event_type": "bet",
        "event_time": TIME,
        "as_of": TIME,
        "model": "first_day_churn",
        "version": "1",
        "model_hash": "ab",
        "lookups": {"socioeconomic_idx": "cd"},
        "features": features,
        "probability": 0.71,
        "decision": "churn",
        "feature_age": 12.5,
        **changes,
    }


def both_ways(documents: Sequence[Row]) -> list[Row]:
    """The rows, which must be the same at first and at second sight."""
    lines = [orjson.dumps(document) for document in documents]
    found = rows(INFERENCES, lines)
    assert found == rows(replace(INFERENCES, decode=refuse), lines)
    assert all(row["raw"] is row["extra"] is None for row in found)
    return found


def test_an_inference_becomes_one_column_for_each_feature() -> None:
    (row,) = both_ways([inference()])
    assert row["socioeconomic_idx"] == 2.5
    assert row["bet_count"] == 3
    assert row["lookups"] == '{"socioeconomic_idx":"cd"}'
    assert row["scored_at"].isoformat() == "2026-01-02T03:04:05.000006+00:00"
    assert (row["probability"], row["decision"], row["feature_age"]) == (0.71, "churn", 12.5)


def test_counts_may_be_written_as_floats() -> None:
    features = {**inference()["features"], "bet_count": 3.0}
    assert both_ways([inference(features=features)])[0]["bet_count"] == 3


def test_inferences_of_several_lookup_versions_each_keep_their_own() -> None:
    versions: list[Row] = [{}, {"socioeconomic_idx": "a"}, {"socioeconomic_idx": "b"}]
    found = both_ways([inference(lookups=one) for one in versions])
    assert [json.loads(row["lookups"]) for row in found] == versions


def test_what_an_inference_has_no_column_for_is_kept_where_it_stood() -> None:
    features = {**inference()["features"], "new_feature": 1.5, "bet_count": 2.5}
    line = orjson.dumps(inference(features=features, note="x", event_type=None))
    (row,) = rows(INFERENCES, [line])
    assert row["extra"] == {"features": {"new_feature": 1.5, "bet_count": 2.5}, "note": "x"}
    assert (row["raw"], row["bet_count"], row["bet_sum"]) == (None, None, 2.5)


@pytest.mark.parametrize("change", [{"id": None}, {"probability": "high"}, {"scored_at": "soon"}])
def test_what_is_no_inference_is_kept_raw(change: Row) -> None:
    line = orjson.dumps(inference(**change))
    (row,) = rows(INFERENCES, [line])
    assert (row["raw"], row["model"]) == (line, None)
