"""An erasure among the scores is logged as what it is, and no reader takes it for a score."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from pipeline.control import erase_record
from pipeline.parquet.format import schemas
from pipeline.parquet.tables import read_once
from tests.inference_logger.rig import CASE, Rig, rows_of
from tests.serving.test_core import INFERENCES, apply, request
from tests.support.events import consumed
from tests.support.fakes import Records

TOPIC = INFERENCES.topic


@pytest.fixture
def scores() -> Records:
    """What `serving` writes for a score, an erasure, and a score of another user."""
    told = apply(request("a"), erase_record("a"), request("b")).outputs[INFERENCES]
    return [
        consumed(one.value, topic=TOPIC, offset=n, key=one.key, headers=one.headers)
        for n, one in enumerate(told)
    ]


async def test_it_is_kept_as_json_text_between_whole_rows(tmp_path: Path, scores: Records) -> None:
    await Rig.on(tmp_path, {0: scores}, topic=TOPIC).run()
    before, erasure, after = rows_of(tmp_path, TOPIC)
    assert (erasure["kind"], erasure["origin"]) == ("control", "sourcesourcesourcesour/0/101/0")
    assert orjson.loads(erasure["control"]) == {"control": "erase", "entity": "a"}
    assert (erasure["id"], erasure["probability"], erasure["raw"]) == (None, None, None)
    assert [(one["kind"], one["user_id"]) for one in (before, after)] == [
        ("event", "a"),
        ("event", "b"),
    ]


async def test_who_reads_each_score_once_does_not_see_it(tmp_path: Path, scores: Records) -> None:
    await Rig.on(tmp_path, {0: scores}, topic=TOPIC).run()
    found = read_once(tmp_path, TOPIC, schemas(CASE)[TOPIC], ("user_id",))
    assert found["user_id"].to_pylist() == ["a", "b"]
