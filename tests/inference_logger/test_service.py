from __future__ import annotations

import asyncio
import resource
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_logger.files import NewFile
from inference_logger.held import SOON, WORTH_A_FILE
from pipeline.control import lookup_record
from pipeline.errors import Fatal, InfrastructureError, Refusal
from pipeline.kafka.positions import Log
from pipeline.parquet.files import ask_for_files
from pipeline.settings import LoggerSettings
from tests.inference_logger.rig import (
    INCOMING,
    Rig,
    bets,
    files_of,
    offsets_of,
    rows_of,
)
from tests.support.events import (
    INCOMING_ID,
    SOURCE_ID,
    V1,
    batch_of,
    bet,
    caused_by,
    consumed,
    log_of,
)
from tests.support.logger_steps import STEPS

DAY = 86_400_000


async def test_every_record_is_logged_once(tmp_path: Path) -> None:
    await Rig.on(tmp_path, {0: bets(30), 1: bets(20, 1)}, most=7).run()
    assert offsets_of(tmp_path, 0) == list(range(30))
    assert offsets_of(tmp_path, 1) == list(range(20))


async def test_a_file_is_named_by_partition_and_the_offset_it_starts_at(tmp_path: Path) -> None:
    rig = Rig.on(tmp_path, {3: bets(25, 3)}, most=10, limits=LoggerSettings(rows=10))
    await rig.run()
    assert [path.name for path in files_of(tmp_path)] == [
        "3-00000000000000000000.parquet",
        "3-00000000000000000010.parquet",
        "3-00000000000000000020.parquet",
    ]


async def test_a_file_has_at_most_the_rows_that_are_set(tmp_path: Path) -> None:
    await Rig.on(tmp_path, {0: bets(25)}, limits=LoggerSettings(rows=10)).run()
    assert [len(pq.ParquetFile(path).read()) for path in files_of(tmp_path)] == [10, 10, 5]


async def test_a_quiet_topic_is_logged_when_its_time_has_come(tmp_path: Path) -> None:
    rig = Rig.on(tmp_path, {0: bets(1)}, limits=LoggerSettings(seconds=5))
    await rig.step()
    await rig.wait(4.9)
    assert offsets_of(tmp_path) == []
    await rig.wait(0.1)
    assert offsets_of(tmp_path) == [0]


async def test_the_first_file_of_a_partition_comes_soon(tmp_path: Path) -> None:
    rig = Rig.on(tmp_path, {0: bets(1)}, limits=LoggerSettings())
    await rig.step()
    await rig.wait(SOON)
    assert offsets_of(tmp_path) == [0]


async def test_a_partition_with_little_waits_longer_from_file_to_file_up_to_the_limit(
    tmp_path: Path,
) -> None:
    rig = Rig.on(tmp_path, {0: bets(3_600)}, limits=LoggerSettings(seconds=60), most=1)
    for _ in range(3_600):
        await rig.step()
        await rig.wait(1)
    rows = [pq.ParquetFile(path).metadata.num_rows for path in files_of(tmp_path)]
    assert rows[:6] == [5, 10, 20, 40, 60, 60]
    assert max(rows) == 60


async def test_a_partition_with_enough_for_a_file_does_not_wait(tmp_path: Path) -> None:
    log = {0: bets(3 * WORTH_A_FILE)}
    rig = Rig.on(tmp_path, log, limits=LoggerSettings(), most=WORTH_A_FILE // 10)
    for _ in range(30):
        await rig.step()
        await rig.wait(1)
    rows = [pq.ParquetFile(path).metadata.num_rows for path in files_of(tmp_path)]
    assert rows == [5_000, 10_000, 10_000]


async def test_who_waits_for_the_log_may_ask_for_it(tmp_path: Path) -> None:
    rig = Rig.on(tmp_path, {0: bets(1), 1: bets(1, 1)})
    await rig.step()
    await rig.wait(SOON - 2)
    assert files_of(tmp_path) == []
    ask_for_files(tmp_path / INCOMING)
    await rig.wait(1)
    assert (offsets_of(tmp_path, 0), offsets_of(tmp_path, 1)) == ([0], [0])


async def test_files_are_asked_for_once_and_not_for_ever(tmp_path: Path) -> None:
    rig = Rig.on(tmp_path, {0: bets(2)}, most=1)
    await rig.step()
    ask_for_files(tmp_path / INCOMING)
    await rig.wait(1)
    await rig.step()
    await rig.wait(SOON - 2)
    assert offsets_of(tmp_path) == [0]


async def test_files_are_cut_before_too_many_bytes_are_held(tmp_path: Path) -> None:
    limits = LoggerSettings(rows=10**9, bytes=100_000, seconds=10**9)
    rig = Rig.on(tmp_path, {0: bets(1_024), 1: bets(20, 1)}, limits=limits, most=2_000)
    await rig.step()
    assert offsets_of(tmp_path, 0) == list(range(1_024))
    assert offsets_of(tmp_path, 1) == []


async def test_a_file_never_spans_dates(tmp_path: Path) -> None:
    midnight = 1_767_312_000_000  # 2026-01-02T00:00:00Z
    times = (midnight - 2, midnight - 1, midnight, midnight + DAY)
    log = [consumed(b"{}", offset=offset, timestamp=time) for offset, time in enumerate(times)]
    await Rig.on(tmp_path, {0: log}).run()
    assert [(path.parent.name, path.name[-9:-8]) for path in files_of(tmp_path)] == [
        ("date=2026-01-01", "0"),
        ("date=2026-01-02", "2"),
        ("date=2026-01-03", "3"),
    ]


async def test_a_date_gone_by_is_written_at_once(tmp_path: Path) -> None:
    midnight = 1_767_312_000_000
    log = [consumed(b"{}", offset=n, timestamp=midnight - 1 + n) for n in range(2)]
    rig = Rig.on(tmp_path, {0: log})
    await rig.step()
    assert offsets_of(tmp_path) == [0]


async def test_a_clock_that_goes_back_over_midnight_loses_nothing(tmp_path: Path) -> None:
    midnight = 1_767_312_000_000
    times = (midnight, midnight - 1, midnight, midnight - 1, midnight)
    log = [consumed(b"{}", offset=offset, timestamp=time) for offset, time in enumerate(times)]
    await Rig.on(tmp_path, {0: log}).run()
    assert offsets_of(tmp_path) == [0, 1, 2, 3, 4]
    assert len(files_of(tmp_path)) == 5


async def test_a_restart_goes_on_after_the_last_file(tmp_path: Path) -> None:
    await Rig.on(tmp_path, {0: bets(10)}).run()
    rig = Rig.on(tmp_path, {0: bets(15)})
    await rig.run()
    assert offsets_of(tmp_path) == list(range(15))


async def test_offsets_that_the_log_skips_leave_no_gap_in_the_chain_of_names(
    tmp_path: Path,
) -> None:
    rig = Rig.on(tmp_path, {0: []}, limits=LoggerSettings(rows=2))
    await rig.step()
    records = [consumed(b"{}", offset=offset) for offset in (2, 3, 7)]
    await rig.stage.process([batch_of(records, reading=1, start=0)])
    await rig.stage.close()
    assert [path.stem for path in files_of(tmp_path)] == [f"0-{0:020}", f"0-{4:020}"]
    assert await rig.stage.position(rig.feed.place(0)._replace(end=8)) == 8


@pytest.mark.parametrize(("start", "end"), [(11, 20), (0, 9)])
async def test_a_log_that_does_not_go_on_where_the_files_end_is_refused(
    tmp_path: Path, start: int, end: int
) -> None:
    rig = Rig.on(tmp_path, {0: bets(10)})
    await rig.run()
    with pytest.raises(Refusal, match=r"but 10 is the next.*pipeline rebuild --new-epoch"):
        await rig.stage.position(rig.feed.place(0)._replace(start=start, end=end))


async def test_the_position_is_committed_as_a_hint(tmp_path: Path) -> None:
    rig = Rig.on(tmp_path, {0: bets(10)})
    await rig.run()
    assert rig.feed.committed_offsets == {(INCOMING, 0): 10}


async def test_the_position_is_committed_after_a_restart_too(tmp_path: Path) -> None:
    await Rig.on(tmp_path, {0: bets(10)}).run()
    rig = Rig.on(tmp_path, {0: bets(10)})
    await rig.step()
    assert rig.feed.committed_offsets == {(INCOMING, 0): 10}


async def test_another_topic_of_that_name_is_refused(tmp_path: Path) -> None:
    await Rig.on(tmp_path, {0: bets(10)}).run()
    with pytest.raises(Refusal, match="pipeline rebuild --new-epoch"):
        await Rig.on(tmp_path, {0: bets(10)}, topic_id="another").step()


async def test_a_log_that_begins_later_is_read_from_its_start(tmp_path: Path) -> None:
    rig = Rig.on(tmp_path, {})
    assert await rig.stage.position(Log(INCOMING, INCOMING_ID, 0, 40, 90)) == 40


async def test_what_is_held_of_a_lost_partition_is_dropped_unwritten(tmp_path: Path) -> None:
    rig = Rig.on(tmp_path, {0: bets(10)})
    await rig.step()
    rig.feed.rebalance()
    await rig.stage.close()
    assert files_of(tmp_path) == []


async def test_a_partition_lost_while_another_is_written_is_left_to_its_next_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig.on(tmp_path, {0: bets(10), 1: bets(10, 1)})
    await rig.step()
    publish = rig.stage.files.publish

    def publish_and_lose_the_other(file: NewFile) -> bool:
        rig.feed.reposition(INCOMING, 1 - file.partition)
        return publish(file)

    monkeypatch.setattr(rig.stage.files, "publish", publish_and_lose_the_other)
    await rig.stage.close()
    assert len(files_of(tmp_path)) == 1


async def test_a_batch_from_before_a_rebalance_is_discarded(tmp_path: Path) -> None:
    rig = Rig.on(tmp_path, {0: bets(10)}, most=5)
    stale = await rig.feed.poll(rig.stage)
    rig.feed.rebalance()
    await rig.feed.poll(rig.stage)
    await rig.stage.process(stale)
    assert rig.stage.held[INCOMING, 0].blocks == []


async def test_a_batch_that_comes_again_is_taken_once(tmp_path: Path) -> None:
    rig = Rig.on(tmp_path, {0: bets(10)})
    batches = await rig.feed.poll(rig.stage)
    await rig.stage.process(batches)
    await rig.stage.process(batches)
    await rig.stage.close()
    assert offsets_of(tmp_path) == list(range(10))


async def test_a_batch_that_leaves_a_gap_is_read_again(tmp_path: Path) -> None:
    rig = Rig.on(tmp_path, {0: bets(10)}, most=5)
    await rig.feed.poll(rig.stage)  # never processed
    await rig.run()
    assert offsets_of(tmp_path) == list(range(10))


async def test_a_replay_is_logged_and_marked(tmp_path: Path) -> None:
    origins = (5, 6, 5, 6, 7)
    log = [
        consumed(b"{}", offset=offset, headers=caused_by(origin))
        for offset, origin in enumerate(origins)
    ]
    await Rig.on(tmp_path, {0: log}).run()
    replayed = [row["replayed"] for row in rows_of(tmp_path)]
    assert replayed == [False, False, True, True, False]


async def test_replays_are_known_after_a_restart(tmp_path: Path) -> None:
    log = [consumed(b"{}", offset=n, headers=caused_by(9)) for n in range(2)]
    await Rig.on(tmp_path, {0: log[:1]}).run()
    await Rig.on(tmp_path, {0: log}).run()
    assert [row["replayed"] for row in rows_of(tmp_path)] == [False, True]


async def test_a_record_without_origin_is_its_own(tmp_path: Path) -> None:
    await Rig.on(tmp_path, {2: [consumed(b"{}", partition=2, offset=0)]}).run()
    assert [row["origin"] for row in rows_of(tmp_path)] == [f"{INCOMING_ID}/2/0/0"]


async def test_of_two_origins_in_one_record_the_first_counts(tmp_path: Path) -> None:
    headers = (*caused_by(5), *caused_by(6))
    await Rig.on(tmp_path, {0: [consumed(b"{}", headers=headers)]}).run()
    assert [row["origin"] for row in rows_of(tmp_path)] == [f"{SOURCE_ID}/0/5/0"]


async def test_origin_and_its_time_are_columns(tmp_path: Path) -> None:
    await Rig.on(tmp_path, {0: bets(1)}).run()
    (row,) = rows_of(tmp_path)
    assert row["origin"] == f"{SOURCE_ID}/0/0/0"
    assert row["origin_time"].isoformat() == "2025-06-01T12:00:00+00:00"


async def test_a_control_record_is_kept_as_json_text(tmp_path: Path) -> None:
    log = log_of([bet(1), lookup_record("socioeconomic_idx", V1), bet(2)])
    await Rig.on(tmp_path, {0: log}).run()
    before, control, after = rows_of(tmp_path)
    assert (before["kind"], control["kind"], after["kind"]) == ("event", "control", "event")
    assert control["control"] == (
        f'{{"control":"lookup","lookup":"socioeconomic_idx","version":"{V1}"}}'
    )
    assert (before["bet_amount"], control["user_id"], after["bet_amount"]) == (1.0, None, 2.0)


async def test_a_control_record_that_is_no_json_is_kept_raw(tmp_path: Path) -> None:
    log = [
        consumed(value, offset=n, headers=(("kind", b"control"),))
        for n, value in enumerate((b"\xff", None))
    ]
    await Rig.on(tmp_path, {0: log}).run()
    assert [(row["control"], row["raw"]) for row in rows_of(tmp_path)] == [
        (None, b"\xff"),
        (None, None),
    ]


async def test_a_rejected_record_keeps_its_bytes_and_reason(tmp_path: Path) -> None:
    headers = (("stage", b"serving"), ("reason", b"not_json"), ("detail", b"line"))
    log = [
        consumed(b"\xff\x00", offset=0, key=b"\xfe", headers=headers),
        consumed(None, offset=1, headers=headers),
    ]
    await Rig.on(tmp_path, {0: log}, topic="rejected-events").run()
    first, second = rows_of(tmp_path, "rejected-events")
    assert (first["key"], first["value"]) == (b"\xfe", b"\xff\x00")
    assert (first["stage"], first["reason"], first["detail"]) == ("serving", "not_json", "line")
    assert (second["key"], second["value"]) == (None, None)


async def test_origins_of_rejected_records_are_compared_within_one_stage(tmp_path: Path) -> None:
    stages = (b"event_handler", b"serving", b"event_handler", b"serving")
    origins = (7, 5, 7, 6)
    log = [
        consumed(b"x", offset=offset, headers=(*caused_by(origin), ("stage", stage)))
        for offset, (stage, origin) in enumerate(zip(stages, origins, strict=True))
    ]
    await Rig.on(tmp_path, {0: log[:1]}, topic="rejected-events").run()
    await Rig.on(tmp_path, {0: log}, topic="rejected-events").run()
    rows = rows_of(tmp_path, "rejected-events")
    assert [row["replayed"] for row in rows] == [False, False, True, False]


@pytest.mark.parametrize("point", STEPS)
@pytest.mark.parametrize("passage", [1, 2])
async def test_a_worker_that_fails_at_any_point_leaves_a_whole_log(
    tmp_path: Path, point: str, passage: int
) -> None:
    limits = LoggerSettings(rows=10)
    rig = Rig.on(tmp_path, {0: bets(35)}, most=10, limits=limits, faults=f"{point}=raise:{passage}")
    with pytest.raises(Fatal, match=point):
        await rig.feed.run(rig.stage)
    await Rig.on(tmp_path, {0: bets(40)}, most=7, limits=limits).run()
    assert offsets_of(tmp_path) == list(range(40))


async def test_of_two_workers_on_one_partition_one_gets_the_offsets(tmp_path: Path) -> None:
    first = Rig.on(tmp_path, {0: bets(10)}, instance="one")
    second = Rig.on(tmp_path, {0: bets(10)}, instance="two", most=4)
    await first.step()
    await second.step()
    await second.stage.close()
    await first.stage.close()
    assert offsets_of(tmp_path) == [0, 1, 2, 3]
    assert first.feed.unconfirmed == [0]
    await first.run()
    assert offsets_of(tmp_path) == list(range(10))


Move = tuple[bool, str]


@given(
    moves=st.lists(st.tuples(st.booleans(), st.sampled_from(["read", "write", "both", "lose"]))),
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
@settings(max_examples=40, deadline=None)
def test_two_workers_that_both_believe_to_own_a_partition_never_log_a_record_twice(
    tmp_path_factory: pytest.TempPathFactory, moves: list[Move], sizes: tuple[int, int]
) -> None:
    root = tmp_path_factory.mktemp("log")

    async def play() -> None:
        rigs = [
            Rig.on(root, {0: bets(30)}, instance=str(size_index), most=size)
            for size_index, size in enumerate(sizes)
        ]
        for which, move in moves:
            rig = rigs[which]
            if move in ("read", "both"):
                await rig.step()
            if move in ("write", "both"):
                await rig.wait(10**10)
            if move == "lose":
                rig.feed.rebalance()
        for rig in rigs:
            await rig.run()

    asyncio.run(play())
    assert offsets_of(root) == list(range(30))


async def test_a_full_disk_is_an_outage_that_loses_nothing(tmp_path: Path) -> None:
    rig = Rig.on(tmp_path, {0: bets(10)}, limits=LoggerSettings(rows=10))
    batches = await rig.feed.poll(rig.stage)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        with pytest.raises(InfrastructureError, match="File too large"):
            await rig.stage.process(batches)
        assert not any((tmp_path / INCOMING / "_temporary").iterdir())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await rig.stage.process(batches)
    assert offsets_of(tmp_path) == list(range(10))
