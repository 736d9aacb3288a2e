"""What is built from Parquet is what the worker holds, and the worker goes on from there."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.marker import Marker
from pipeline.records import OutRecord
from rebuild.builders import Built
from tests.rebuild.rig import Ledger, held, refused
from tests.stream_features.test_split import Content, controls, events, registrations
from tests.support.events import INCOMING_ID, bet, caused_by, changed, log_of, purchase, win
from tests.support.fakes import FakeStore, Records, origin_of
from tests.support.properties import FEW
from tests.support.stages import TOPICS, Rig, straight_fold
from use_cases.first_day_churn import USE_CASE

BET = {"user_id": "u1", "event_type": "bet", "event_time": "2025-06-01T12:00:00.000000Z"}
ODD = (
    b"not json",
    None,
    orjson.dumps({"user_id": "u1", "event_type": "bet"}),
    orjson.dumps({**BET, "schema_version": 1}),
    orjson.dumps({**BET, "schema_version": 1, "bet_amount": "7"}),
    orjson.dumps({**BET, "schema_version": 1, "bet_amount": 7.5, "event_id": 9}),
    orjson.dumps({**BET, "schema_version": 1, "bet_amount": 7, "extra": [1]}),
)
few_users = st.builds(
    lambda make, amount, user: make(amount, user),
    st.sampled_from([purchase, bet, win]),
    st.floats(1, 9),
    st.sampled_from(["u0", "u1"]),
)
contents = st.one_of(few_users, few_users, events, registrations, controls, st.sampled_from(ODD))


@st.composite
def disturbed(draw: st.DrawFn) -> Records:
    """A log in which a stretch was written twice."""
    records = a_log(draw(st.lists(contents, min_size=10, max_size=60)))
    start = draw(st.integers(0, len(records) - 1))
    end = draw(st.integers(start + 1, len(records)))
    again = [*records[:end], *records[start:end], *records[end:]]
    return [changed(one, offset=offset) for offset, one in enumerate(again)]


def a_log(made: list[Content | bytes | None]) -> Records:
    """A partition of these contents; what is no event has an origin as well."""
    return log_of(
        [
            OutRecord(b"u1", one, caused_by(offset)) if isinstance(one, bytes | None) else one
            for offset, one in enumerate(made)
        ]
    )


async def live(records: Records) -> FakeStore:
    """What the worker makes of these records."""
    rig = Rig({0: records}, FakeStore())
    await rig.run()
    return rig.store  # type: ignore[return-value] # the FakeStore of the line above


def put(store: FakeStore, built: Built) -> None:
    """As the switch does."""
    for entity, values in held(built).items():
        store.entities[(0, built.marker.generation, entity)] = values
    store.markers[0] = built.marker.encode()


@FEW
@given(disturbed(), st.data())
async def test_it_is_bit_for_bit_what_the_worker_holds(
    records: Records, data: st.DataObject
) -> None:
    applied = data.draw(st.integers(0, len(records)), "applied")
    store = await live(records[:applied])
    marker = await store.marker(0)
    with Logged() as ledger:
        await ledger.log(TOPICS.incoming, {0: records}, rows=data.draw(st.integers(1, 30), "rows"))
        built = ledger.features.build(0, marker, "g2")
        assert held(built) == {entity: one for (_, _, entity), one in store.entities.items()}
    if marker is not None:
        assert replace(built.marker, partitions=0) == replace(marker, generation="g2")


@FEW
@given(disturbed(), st.data())
async def test_the_worker_that_goes_on_comes_to_the_fold_of_all(
    records: Records, data: st.DataObject
) -> None:
    """Whatever was applied, logged and kept by Kafka when everything of Redis was lost."""
    logged = data.draw(st.integers(1, len(records)), "logged")
    start = data.draw(st.integers(0, logged), "start")
    store = FakeStore()
    with Logged() as ledger:
        await ledger.log(TOPICS.incoming, {0: records[:logged]}, rows=7)
        ledger.holds(TOPICS.incoming, {0: records})
        ledger.starts[TOPICS.incoming, 0] = start
        put(store, ledger.features.build(0, None, "g2"))
    rig = Rig({0: records}, store)
    rig.feed.starts = {0: start}
    await rig.run()
    expected = straight_fold(records)
    assert {entity: one for (_, _, entity), one in store.entities.items()} == expected.entities
    kept = {origin for origin, _ in straight_fold(records[:start]).scored}
    effective = [
        one for one in rig.writer.effective(TOPICS.features) if one.headers[0][0] != "kind"
    ]
    found = [(origin_of(one), (one.key or b"").decode()) for one in effective]
    assert found == [one for one in expected.scored if one[0] not in kept]


class Logged:
    """A ledger on a directory that goes with the block; hypothesis shares a test's own."""

    def __enter__(self) -> Ledger:
        self._root = Path(tempfile.mkdtemp())
        return Ledger(self._root)

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._root)


@pytest.mark.parametrize("odd", ODD)
async def test_what_the_worker_rejects_is_not_folded(odd: bytes | None, tmp_path: Path) -> None:
    records = a_log([purchase(1, "u1"), odd, bet(2, "u1")])
    store, ledger = await live(records), Ledger(tmp_path)
    await ledger.log(TOPICS.incoming, {0: records})
    built = ledger.features.build(0, await store.marker(0), "g2")
    assert held(built)["u1"] == next(iter(store.entities.values()))


A_LOG = log_of([purchase(n + 1, f"u{n % 3}") for n in range(12)])
MARKER = Marker.first(INCOMING_ID, "g1", USE_CASE.fingerprint, 1)


def at(offset: int) -> Marker:
    return replace(MARKER, offset=offset)


@pytest.fixture
async def ledger(tmp_path: Path) -> Ledger:
    """Twelve records in three files."""
    found = Ledger(tmp_path)
    await found.log(TOPICS.incoming, {0: A_LOG}, rows=4)
    return found


async def test_it_goes_as_far_as_the_marker_though_more_is_logged(ledger: Ledger) -> None:
    assert ledger.features.build(0, at(5), "g2").marker.offset == 5


async def test_it_goes_as_far_as_parquet_where_the_logger_is_behind(ledger: Ledger) -> None:
    ledger.ends[TOPICS.incoming, 0] = 100
    built = ledger.features.build(0, at(50), "g2")
    assert (built.marker.offset, built.records, built.unscored) == (11, 12, 0)


async def test_it_goes_as_far_as_kafka_has_lost_where_there_is_no_marker(ledger: Ledger) -> None:
    ledger.starts[TOPICS.incoming, 0] = 7
    assert ledger.features.build(0, None, "g2").marker.offset == 6


async def test_it_says_what_kafka_lost_before_a_worker_read_it(ledger: Ledger) -> None:
    ledger.starts[TOPICS.incoming, 0] = 7
    built = ledger.features.build(0, at(2), "g2")
    assert (built.marker.offset, built.unscored) == (6, 4)


async def test_a_marker_of_another_declaration_is_replaced(ledger: Ledger) -> None:
    built = ledger.features.build(0, replace(at(5), fingerprint="another"), "g2")
    assert built.marker.fingerprint == USE_CASE.fingerprint


async def test_a_partition_without_records_is_built_empty(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, partitions=2)
    await ledger.log(TOPICS.incoming, {0: A_LOG})
    built = ledger.features.build(1, None, "g2")
    assert (built.marker.offset, held(built)) == (-1, {})


async def test_a_gap_between_parquet_and_kafka_is_refused_by_its_offsets(ledger: Ledger) -> None:
    ledger.starts[TOPICS.incoming, 0] = 20
    ledger.ends[TOPICS.incoming, 0] = 30
    assert "offsets 12 to 19 of incoming-events, partition 0" in refused(ledger, None)


async def test_a_missing_file_is_refused_by_its_offsets(ledger: Ledger) -> None:
    (file,) = ledger.root.glob("incoming-events/date=*/0-*04.parquet")
    file.unlink()
    assert "offsets 4 to 7 of incoming-events, partition 0" in refused(ledger, at(11))


async def test_a_directory_without_the_log_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    ledger.root = tmp_path / "elsewhere"
    assert "Set PIPELINE_DATA" in refused(ledger, at(5))
    assert "Set PIPELINE_DATA" in refused(ledger, None)


async def test_a_log_that_was_made_again_is_refused_with_the_way_out(ledger: Ledger) -> None:
    ledger.ids[TOPICS.incoming] = "another"
    assert "`pipeline rebuild --new-epoch`" in refused(ledger, at(5))


async def test_a_state_of_a_topic_made_again_is_refused_where_nothing_is_logged(
    tmp_path: Path,
) -> None:
    assert "--new-epoch" in refused(Ledger(tmp_path), replace(MARKER, topic_id="another"))


async def test_a_log_of_another_number_of_partitions_is_refused(ledger: Ledger) -> None:
    ledger.partitions = 2
    assert "had 1 partitions when it was logged, now 2" in refused(ledger, None)


async def test_a_state_of_another_number_of_partitions_is_refused_where_nothing_is_logged(
    tmp_path: Path,
) -> None:
    ledger = Ledger(tmp_path)
    ledger.ends[TOPICS.incoming, 0] = 9
    assert "had 4 partitions when its state was made" in refused(
        ledger, replace(at(5), partitions=4)
    )


async def test_a_state_of_an_older_epoch_is_as_good_as_none(ledger: Ledger) -> None:
    older = (replace(at(5), partitions=4), replace(at(5), topic_id="another"))
    assert {ledger.features.build(0, one, "g2").marker.offset for one in older} == {-1}


async def test_a_marker_past_the_end_of_the_log_is_as_good_as_none(ledger: Ledger) -> None:
    built = ledger.features.build(0, at(12), "g2")
    assert (built.marker.offset, built.unscored) == (-1, 0)


async def test_a_log_in_parquet_past_the_end_of_kafka_s_is_refused(ledger: Ledger) -> None:
    ledger.ends[TOPICS.incoming, 0] = 8
    assert "ends at 8, but offset 11 was logged" in refused(ledger, at(3))
