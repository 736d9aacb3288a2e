"""The API's answers against the log: the check holds for a true answer, and for no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import nextafter

import pytest

from cli.demo.facts import Told
from cli.selfcheck.held import Entity, Hash
from cli.selfcheck.told import as_told
from pipeline.state import StateCodec
from pipeline.times import parse_time
from serving.scorer import Scorer
from tests.serving.http.rig import USER, Service, folded, models
from use_cases.first_day_churn import USE_CASE

MODEL = models().streams[USE_CASE.name].holder.current


def log() -> Mapping[Entity, Hash]:
    """What the log folds to: one user, who has played."""
    codec = StateCodec(USE_CASE)
    raw = [one.encode() if isinstance(one, str) else one for one in codec.encode(folded())]
    return {(3, USER): dict(zip((name.encode() for name in codec.fields), raw, strict=False))}


def model_of(version: str) -> Scorer | None:
    return MODEL if version == MODEL.version else None


async def answer() -> Told:
    """What the service says of that user."""
    service = Service()
    await service.hold(USER, folded())
    async with service.caller() as caller:
        found = (await caller.get(f"/users/{USER}")).json()
    return Told(
        user=USER,
        prediction=found["prediction"],
        probability=found["probability"],
        version=found["version"],
        as_of=parse_time(found["as_of"]),
    )


async def test_what_the_api_says_is_what_the_log_says() -> None:
    check = as_told(USE_CASE, log(), model_of, [await answer()])
    assert (check.checked, check.mismatches) == (1, 0), check.examples


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"user": "nobody"}, "the log has no such user"),
        ({"version": "99"}, "the log knows no version 99"),
        ({"prediction": "perhaps"}, "says perhaps"),
    ],
)
async def test_any_other_answer_is_a_mismatch(other: dict[str, str], says: str) -> None:
    told = replace(await answer(), **other)  # type: ignore[arg-type] # texts all
    check = as_told(USE_CASE, log(), model_of, [told])
    assert check.mismatches == 1
    assert says in check.examples[0]


async def test_the_last_bit_of_a_probability_counts() -> None:
    told = await answer()
    other = replace(told, probability=nextafter(told.probability, 1))
    assert as_told(USE_CASE, log(), model_of, [told, other]).mismatches == 1
