"""The worker as a process of its own."""

from __future__ import annotations

from pathlib import Path

from inference_logger.service import STAGE
from pipeline.records import OutRecord
from tests.cli.helpers import open_to_others
from tests.support.events import bet, caused_by, log_of
from tests.support.kafka import eventually
from tests.support.processes import World
from tests.support.worker_fixtures import world

__all__ = ["world"]


def log_one_bet(world: World, **settings: str) -> Path:
    """The directory of the log, once it has a file."""
    (event,) = log_of([bet(1)])
    world.cluster.append(
        world.topics.incoming, 0, [OutRecord(event.key, event.value, caused_by(0))]
    )
    data = world.directory / "data"
    with world.worker(STAGE, DATA=str(data), LOGGER_SECONDS="0.1", **settings) as worker:

        def is_logged() -> bool:
            assert worker.is_running, worker.log.read_text()[-2000:]
            return any(data.rglob("date=*/*.parquet"))

        eventually(is_logged, 60)
        assert worker.ends_on_sigterm() == 0
    return data


def test_only_its_own_user_may_read_the_log_whatever_the_umask(world: World) -> None:
    assert open_to_others(log_one_bet(world)) == []


def test_a_setting_lets_the_group_read_the_log(world: World) -> None:
    data = log_one_bet(world, UMASK="0027")
    modes = {path.stat().st_mode & 0o777 for path in (data, *data.rglob("*"))}
    assert modes == {0o750, 0o640}
