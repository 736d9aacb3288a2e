"""`pipeline backfill` on the real Kafka and Redis, with workers as processes and a live stream."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat

import pytest

import use_cases
from inference_logger.service import STAGE as LOGGER
from pipeline.control import erase_record
from pipeline.keys import FEATURES
from pipeline.origin import KIND_HEADER
from pipeline.partitioner import partition_of
from pipeline.records import OutRecord
from pipeline.state import StateCodec
from stream_features.core import STAGE as FOLDER
from tests.cli.helpers import Run
from tests.rebuild.newer import PAID, SPENT, with_more
from tests.support.events import NOON, SECOND, bet, caused_by, log_of, purchase, win
from tests.support.fakes import FakeFeed, FakeStore, FakeWriter, Records, first_of_each_origin
from tests.support.kafka import eventually
from tests.support.processes import PARTITIONS, Worker, World, running
from tests.support.stages import feature_stage, straight_fold

USERS = [f"u{n}" for n in range(40)]
AT_ONCE = 100


@pytest.fixture
def command(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command line on the world's newer declaration."""
    newer = with_more(SPENT, PAID, case=world.case)
    monkeypatch.setattr(use_cases, "load", lambda _name: newer)
    return run


class Stream(threading.Thread):
    """Events that come all the time, some late and some twice, until somebody says stop."""

    def __init__(self, world: World) -> None:
        super().__init__(daemon=True)
        self._world = world
        self._draw = random.Random(3)
        self._sent = 0
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(0.5):
            self.send(AT_ONCE)

    def stop(self) -> None:
        self._stopped.set()
        self.join()

    def send(self, count: int) -> None:
        """So many events more; and one user is erased."""
        parts: dict[int, list[OutRecord]] = {number: [] for number in range(PARTITIONS)}
        for n in range(self._sent, self._sent + count):
            parts[partition_of(USERS[n % 40].encode(), PARTITIONS)].append(self._event(n))
        erased = self._draw.choice(USERS)
        parts[partition_of(erased.encode(), PARTITIONS)].append(erase_record(erased))
        self._sent += count
        for number, records in parts.items():
            self._world.cluster.append(self._world.topics.incoming, number, records)

    def _event(self, n: int) -> OutRecord:
        make = self._draw.choice([purchase, bet, bet, win])
        at = NOON + n * SECOND - self._draw.randrange(7200) * SECOND
        event_id = f"e{self._draw.randrange(n + 1)}" if n % 3 else None
        (made,) = log_of([make(self._draw.uniform(1, 9), USERS[n % 40], at, event_id=event_id)])
        return OutRecord(made.key, made.value, caused_by(n))


@contextmanager
def newer(world: World, *program: str, faults: str = "") -> Iterator[Worker]:
    """A running program with the newer declaration; it is gone at the end, whatever happens."""
    command = [sys.executable, "-m", "tests.cli.newer_main", world.name, *program]
    environ = {**world.environ, "PIPELINE_FAULTS": faults}
    with running(command, environ, world.directory / f"newer-{program[0]}.log") as worker:
        yield worker


def backfill(world: World, faults: str = "") -> int:
    with newer(world, "pipeline", "backfill", "spent", "paid", faults=faults) as running:
        return running.ends(400)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "killed_at", ["in-build=exit:25", "after-fence=exit", "before-switch=exit:2"]
)
async def test_a_live_stream_is_handed_over_though_the_backfill_is_killed(
    world: World, killed_at: str
) -> None:
    stream = Stream(world)
    stream.send(1_000)
    stream.start()
    with world.worker(LOGGER) as logger, world.worker(FOLDER) as older:
        eventually(lambda: older.is_running and world.applied(FEATURES) > 1_000, 300)
        assert backfill(world, killed_at) == 137
        assert older.is_running or older.ends(200) == 3
        assert backfill(world) == 0, (world.directory / "newer-pipeline.log").read_text()
        assert older.ends(200) == 3
        assert "deploy the newer" in older.log.read_text() or "handed over" in older.log.read_text()
        handed_over = world.applied(FEATURES)
        with newer(world, FOLDER) as folder:
            eventually(lambda: world.applied(FEATURES) > handed_over, 300)
            stream.stop()
            world.wait_until_applied(FEATURES, world.topics.incoming, folder)
            assert folder.ends_on_sigterm() == 0
        assert logger.is_running
    await assert_as_from_the_start(world)


async def assert_as_from_the_start(world: World) -> None:
    """States bit for bit, and from the hand-over on the requests byte for byte."""
    case = with_more(SPENT, PAID, case=world.case)
    fields = [name.encode() for name in StateCodec(case).fields]
    logs = world.logged(world.topics.incoming)
    expected = {
        entity: dict(zip(fields, values, strict=False))
        for records in logs.values()
        for entity, values in straight_fold(records, case).entities.items()
    }
    assert world.entities(FEATURES) == expected
    for partition, stored in world.cluster.read(world.topics.features).items():
        found = first_of_each_origin(requests(one.out for one in stored), partition)
        always = requests(await asked(logs[partition], partition))
        newer_ones = [one for one in found if b"spent_sum" in (one.value or b"")]
        assert len(newer_ones) > 20
        assert newer_ones == always[-len(newer_ones) :]
        older = straight_fold(logs[partition], world.case).scored[: len(found) - len(newer_ones)]
        assert [dict(one.headers)["origin"] for one in found[: len(older)]] == [
            origin.encode() for origin, _ in older
        ]


def requests(records: object) -> list[OutRecord]:
    """Those that ask for a score."""
    assert isinstance(records, Iterator | list)
    return [one for one in records if one.headers[0][0] != KIND_HEADER]


async def asked(records: Records, partition: int) -> list[OutRecord]:
    """What a worker that had the newer declaration from the start sends."""
    writer = FakeWriter()
    stage = feature_stage(FakeStore(), writer, case=with_more(SPENT, PAID))
    stage.reader = feed = FakeFeed({partition: records}, repeat(100))
    await feed.run(stage)
    return [one for log in writer.logs.values() for one in log]


@pytest.mark.slow
def test_a_rehearsal_says_what_there_is_to_do_and_changes_nothing(
    world: World, command: Run
) -> None:
    Stream(world).send(300)
    with world.worker(FOLDER) as folder, world.worker(LOGGER):
        world.wait_until_applied(FEATURES, world.topics.incoming, folder)
        ends = world.ends(world.topics.incoming)
        eventually(lambda: world.committed(LOGGER).items() >= ends.items(), 300)
    before = world.entities(FEATURES)
    ended = command("backfill", "spent", "paid_1h_sum", "--dry-run")
    assert (ended.status, ended.errors) == (0, "")
    assert "would compute paid, spent for everyone" in ended.words
    assert "2 of 2 partitions, 301 records" in ended.words
    assert "records/s" in ended.words
    assert world.entities(FEATURES) == before


def test_what_is_not_declared_is_refused(command: Run) -> None:
    ended = command("backfill", "spending")
    assert ended.status == 3
    assert "It declares: purchase, bet, win, spent, paid" in ended.errors


@pytest.mark.usefixtures("world")
def test_where_nothing_is_live_there_is_nothing_to_do(command: Run) -> None:
    ended = command("backfill", "spent", "paid")
    assert (ended.status, ended.errors) == (0, "")
    assert "features 0: nothing is live" in ended.output
