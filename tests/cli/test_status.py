from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from redis import Redis

from cli.runs import OUTSIDE, ROOT, RunNote, write_note
from cli.state.lags import Lag, LagReader
from cli.state.status import StageStatus, by_topic
from pipeline.clock import FixedClock
from pipeline.declaration import UseCase
from pipeline.health import Health, serve
from pipeline.kafka.admin import Admin
from pipeline.kafka.outputs import Outputs
from pipeline.keys import FEATURES, Keys
from pipeline.marker import Marker
from pipeline.metrics import CHALLENGER, MODEL_REFUSED
from pipeline.origin import Highest
from pipeline.parquet.verification import Verification
from pipeline.parquet.verification import note as note_verified
from pipeline.records import OutRecord, Target
from pipeline.settings import Settings
from pipeline.topics import SOURCE_MAX_BYTES, Topics, mails_of, offers_of
from tests.cli.helpers import Run


def write(settings: Settings, topic: str, partition: int, count: int) -> None:
    async def write() -> None:
        outputs = Outputs(settings.kafka)
        await outputs.deliver({Target(topic, partition): [OutRecord(None, b"{}")] * count})
        await outputs.close()

    asyncio.run(write())


def set_marker(settings: Settings, case: UseCase, partition: int, offset: int) -> None:
    marker = Marker("topic", "g1", case.fingerprint, offset, Highest(), {"index": "v1"})
    with Redis.from_url(settings.redis.url) as client:
        client.hset(Keys(case.name, FEATURES).marker(partition), mapping=dict(marker.encode()))


def lags(settings: Settings, case: UseCase) -> list[Lag]:
    with Admin.connect(settings.kafka) as admin:
        return LagReader(admin, case, settings).read()


def behind(found: list[Lag], stage: str) -> int:
    return sum(lag.records for lag in found if lag.stage == stage)


@pytest.mark.usefixtures("topics")
def test_on_empty_topics_every_lag_is_zero(settings: Settings, case: UseCase) -> None:
    found = lags(settings, case)
    assert len(found) == 6 * settings.partitions
    assert not any(lag.records for lag in found)


def test_what_nobody_has_dealt_with_is_the_lag(
    settings: Settings, case: UseCase, topics: Topics
) -> None:
    write(settings, topics.generated, 1, 5)
    assert behind(lags(settings, case), "event_handler") == 5


def test_a_marker_is_the_position_of_a_stage_that_keeps_one(
    settings: Settings, case: UseCase, topics: Topics
) -> None:
    write(settings, topics.incoming, 1, 5)
    set_marker(settings, case, 1, offset=2)
    found = lags(settings, case)
    assert behind(found, "stream_features") == 2
    assert behind(found, "inference_logger") == 5


def test_lags_are_gathered_in_the_order_of_their_partitions() -> None:
    found = [Lag("s", "t", 1, 0, 3, 10), Lag("s", "t", 0, 0, 2, 4), Lag("s", "u", 0, 0, 0, 1)]
    assert by_topic(found) == [StageStatus("s", "t", [2, 7]), StageStatus("s", "u", [1])]


def test_the_status_is_one_json_object(
    run: Run, settings: Settings, case: UseCase, topics: Topics
) -> None:
    write(settings, topics.generated, 1, 5)
    set_marker(settings, case, 1, offset=2)
    shown = json.loads(run("status", "--json").output)
    assert shown["topics"][0] == {
        "topic": topics.generated,
        "starts": [0, 0, 0, 0],
        "ends": [0, 5, 0, 0],
    }
    assert shown["stages"][0]["lags"] == [0, 5, 0, 0]
    (marker,) = shown["markers"]
    assert (marker["stage"], marker["partition"], marker["offset"]) == ("stream_features", 1, 2)
    assert marker["lookups"] == {"index": "v1"}


@pytest.mark.usefixtures("topics")
@pytest.mark.parametrize("on", ["true", "false"])
def test_topics_of_offers_are_shown_where_offers_are_on(
    run: Run, settings: Settings, case: UseCase, monkeypatch: pytest.MonkeyPatch, on: str
) -> None:
    offers = {offers_of(case), mails_of(case)}
    with Admin.connect(settings.kafka) as admin:
        admin.create_all(dict.fromkeys(offers, SOURCE_MAX_BYTES), settings.partitions)
    monkeypatch.setenv("PIPELINE_OFFERS", on)
    shown = {one["topic"] for one in json.loads(run("status", "--json").output)["topics"]}
    assert shown & offers == (offers if on == "true" else set())


@pytest.mark.usefixtures("topics")
def test_a_worker_that_keeps_ending_is_shown_with_why(run: Run, elsewhere: Path) -> None:
    note = RunNote("first_day_churn", 4, {"serving-1": 1}, {"serving-1": 3}, {"serving-1": "no!"})
    write_note(elsewhere / ROOT / OUTSIDE, note)
    assert "serving-1: silent" in run("status").words
    assert "has ended 3 times, the last time: no!" in run("status").words


@pytest.mark.usefixtures("topics")
def test_a_person_reads_the_status_as_tables(run: Run) -> None:
    words = run("status").words
    assert "stream_features" in words
    assert "model in service: none that is known here" in words


@pytest.mark.usefixtures("topics")
def test_it_says_what_the_last_verification_of_logged_inputs_found(
    run: Run, elsewhere: Path
) -> None:
    parquet = elsewhere / ROOT / OUTSIDE / "data" / "first_day_churn"
    parquet.mkdir(parents=True)
    note_verified(parquet, Verification("2025-07-01T00:00:00Z", 9, {"bet_sum": 2}))
    assert "logged inputs: those of 9 inferences differ: bet_sum in 2" in run("status").words
    assert json.loads(run("status", "--json").output)["verified"]["mismatches"] == {"bet_sum": 2}


@pytest.mark.usefixtures("topics")
def test_it_says_which_model_is_on_trial_and_which_cannot_be_used(
    run: Run, elsewhere: Path
) -> None:
    port = serve(Health(FixedClock()), "127.0.0.1", 0)
    write_note(elsewhere / ROOT / OUTSIDE, RunNote("first_day_churn", 4, {"serving-1": port}))
    gauges = (
        CHALLENGER.labels("first_day_churn", "8", "0"),
        MODEL_REFUSED.labels("first_day_churn", "9"),
    )
    for gauge in gauges:
        gauge.set(1)
    words = run("status").words
    for gauge in gauges:
        gauge.set(0)
    assert "challenger: first_day_churn 8, share 0" in words
    assert (
        "cannot be put in force, see the logs of serving and of the API: first_day_churn 9" in words
    )
