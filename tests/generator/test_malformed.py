from __future__ import annotations

from itertools import islice

import orjson
import pytest

import use_cases
from generator.malformed import Breakage, breakages, mixed
from pipeline.declaration import EventType, Number, UseCase
from pipeline.errors import DataError, SettingsError
from pipeline.validation import Validator
from pipeline.world import WORLD_END, WorldSize
from use_cases.first_day_churn.world import build

CASE = use_cases.load("first_day_churn")
KINDS = breakages(CASE)
WORLD = build(WorldSize(users=100, events=20, seed=5))
GOOD = list(WORLD.events())
REASONS = {
    "null_value": "null_value",
    "empty_value": "not_json",
    "not_json": "not_json",
    "two_objects": "not_json",
    "not_an_object": "not_an_object",
    "not_utf8": "not_utf8",
    "nested_garbage": "not_json",
    "too_large": "too_large",
    "event_type_unknown": "unknown_event_type",
    "event_type_missing": "unknown_event_type",
    "entity_missing": "missing_entity",
    "entity_empty": "empty_entity",
    "entity_too_long": "entity_too_long",
    "entity_control_characters": "entity_control_characters",
    "entity_half_a_character": "not_unicode",
    "event_time_missing": "missing_event_time",
    "event_time_unparsable": "unparsable_event_time",
    "event_time_too_early": "implausible_event_time",
    "event_time_in_the_future": "implausible_event_time",
    "event_id_not_text": "bad_event_id",
    "event_id_empty": "bad_event_id",
    "event_id_too_long": "bad_event_id",
    "required_field_missing": "missing_field",
    "number_is_text": "not_a_number",
    "number_is_boolean": "not_a_number",
    "number_is_nested": "not_a_number",
    "number_is_nan": "not_finite",
    "number_is_infinite": "not_finite",
    "number_too_low": "out_of_range",
    "number_too_high": "out_of_range",
    "integer_is_text": "not_an_integer",
    "integer_has_fraction": "not_an_integer",
}


def reason(value: bytes | None) -> str:
    with pytest.raises(DataError) as error:
        Validator(CASE).canonical(value, WORLD_END)
    return error.value.reason


def test_every_kind_of_the_contract_is_there() -> None:
    assert {breakage.kind for breakage in KINDS} == REASONS.keys()


@pytest.mark.parametrize("number", range(len(KINDS)), ids=lambda n: f"{n}-{KINDS[n].kind}")
def test_a_broken_record_is_rejected_for_what_it_says(number: int) -> None:
    breakage = KINDS[number]
    for good in (GOOD[0], GOOD[-1]):
        assert reason(breakage.of(good, "an-id").value) == REASONS[breakage.kind]


def test_a_record_is_good_until_it_is_broken() -> None:
    validator = Validator(CASE)
    for good in GOOD:
        validator.canonical(good.value, WORLD_END)


def test_a_broken_record_keeps_its_key() -> None:
    assert {breakage.of(GOOD[0], "an-id").key for breakage in KINDS} == {GOOD[0].key}


def test_a_broken_record_has_an_id_of_its_own() -> None:
    unknown = next(breakage for breakage in KINDS if breakage.kind == "event_type_unknown")
    assert orjson.loads(unknown.of(GOOD[0], "an-id").value or b"")["event_id"] == "an-id"


def test_the_good_records_all_come_in_their_order() -> None:
    good = set(GOOD)
    assert [record for record in mixed(iter(GOOD), CASE, 0.3, seed=1) if record in good] == GOOD


def test_the_share_is_of_all_records() -> None:
    out = list(mixed(iter(GOOD), CASE, 0.3, seed=1))
    share = (len(out) - len(GOOD)) / len(out)
    assert share == pytest.approx(0.3, abs=5 * (0.3 * 0.7 / len(out)) ** 0.5)


def test_malformed_records_are_of_one_kind_after_the_other() -> None:
    good = set(GOOD)
    bad = [record.value for record in mixed(iter(GOOD), CASE, 0.3, seed=1) if record not in good]
    assert len(bad) > 2 * len(KINDS)
    expected = [REASONS[breakage.kind] for breakage in KINDS]
    assert [reason(value) for value in bad[len(KINDS) : 2 * len(KINDS)]] == expected


def test_the_same_seed_mixes_in_the_same_bytes_and_another_does_not() -> None:
    first, same, other = (list(mixed(iter(GOOD), CASE, 0.1, seed=seed)) for seed in (1, 1, 2))
    assert first == same
    assert first != other


def test_without_a_share_nothing_is_mixed_in() -> None:
    assert list(mixed(iter(GOOD), CASE, 0, seed=1)) == GOOD


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_an_impossible_share_is_refused(share: float) -> None:
    with pytest.raises(SettingsError):
        mixed(iter(GOOD), CASE, share, seed=1)


def test_records_are_taken_one_at_a_time() -> None:
    source = iter(GOOD)
    list(islice(mixed(source, CASE, 0, seed=1), 3))
    assert next(source) == GOOD[3]


def test_a_number_without_limits_is_never_out_of_them() -> None:
    case = UseCase(
        name="other",
        entity="id",
        events=(EventType("measured", fields=(Number(name="value", required=True),)),),
        lookups=(),
        aggregations=(),
        scored_on=(),
        model=None,
        outcome="",
        fold_version=1,
    )
    kinds = [breakage.kind for breakage in breakages(case)]
    assert "number_is_nan" in kinds
    assert "number_too_high" not in kinds


def test_a_breakage_names_its_kind() -> None:
    assert Breakage("gone", lambda _good, _id: None).kind == "gone"
