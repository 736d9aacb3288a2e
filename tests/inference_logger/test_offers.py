"""Decisions about offers are logged like any other topic, where offers are on."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from inference_logger.decode import decode
from inference_logger.flat import FlatShape
from pipeline.parquet.format import offer_fields
from pipeline.topics import offers_of
from tests.inference_logger.rig import CASE, rows_of
from tests.marketing.logs import log
from tests.support.events import caused_by, consumed

OFFERS = FlatShape.of(offer_fields(CASE), ("id", "offer"))


def offer(**changes: object) -> dict[str, object]:
    usual = {
        "schema_version": 1,
        "id": "sourcesourcesourcesour/0/7/0",
        "decided_at": "2026-01-02T03:04:05.000006Z",
        "user_id": "u1",
        "as_of": "2026-01-02T03:04:05.000006Z",
        "model": "first_day_churn",
        "version": "7",
        "probability": 0.9,
        "campaign": "offers",
        "offer": "no",
        "reason": "harm",
        "contacts": "v1",
    }
    return {**usual, **changes}


@pytest.mark.parametrize("reason", ["harm", None])
def test_a_decision_has_a_column_for_each_field(reason: str | None) -> None:
    found = decode(OFFERS, [orjson.dumps(offer(reason=reason))])
    told = {name: column.to_pylist()[0] for name, column in found.items()}
    times = {name: told.pop(name).isoformat() for name in ("decided_at", "as_of")}
    assert set(times.values()) == {"2026-01-02T03:04:05.000006+00:00"}
    expected = {name: value for name, value in offer(reason=reason).items() if name not in times}
    assert told == {**expected, "extra": None, "raw": None}


@pytest.mark.parametrize(
    "line",
    [b"not json", b"[]", b'{"offer": "yes"}', orjson.dumps(offer(offer=7))],
)
def test_what_is_no_decision_is_kept_as_bytes(line: bytes) -> None:
    assert decode(OFFERS, [line])["raw"].to_pylist() == [line]


def test_what_has_no_column_is_kept_as_text() -> None:
    found = decode(OFFERS, [orjson.dumps(offer(shop="x", probability="high"))])
    assert found["extra"].to_pylist() == ['{"probability":"high","shop":"x"}'] or found[
        "extra"
    ].to_pylist() == ['{"shop":"x","probability":"high"}']
    assert found["id"].to_pylist() == [offer()["id"]]


async def test_a_replay_is_logged_and_marked(tmp_path: Path) -> None:
    topic = offers_of(CASE)
    records = [
        consumed(orjson.dumps(offer()), topic=topic, offset=n, headers=caused_by(7))
        for n in range(2)
    ]
    await log(tmp_path, topic, records)
    rows = rows_of(tmp_path, topic)
    assert [(row["user_id"], row["reason"], row["replayed"]) for row in rows] == [
        ("u1", "harm", False),
        ("u1", "harm", True),
    ]
