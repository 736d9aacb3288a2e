from __future__ import annotations

from pathlib import Path

import pytest

from cli.demo.facts import Phase, RunFacts, StageWork
from cli.demo.progress import Bar, Drain, Timer, bars, give_up_on_the_dying
from cli.endings import Failed
from cli.stack.restarts import History
from cli.stack.supervisor import Worker
from cli.stack.workers import WorkerSpec
from cli.state.lags import Lag
from pipeline.world import WorldSize


def lag(stage: str, position: int, end: int) -> Lag:
    return Lag(stage, "topic", 0, 0, position, end)


def test_there_is_a_bar_for_every_stage_that_is_looked_at() -> None:
    seen = [
        lag("event_handler", 4, 6),
        lag("inference_logger", 1, 2),
        lag("inference_logger", 3, 3),
    ]
    assert bars(6, 10, seen) == [
        Bar("generated", 6, 10),
        Bar("handled", 4, 6),
        Bar("logged", 4, 5),
    ]


def test_a_world_that_turns_out_larger_is_not_more_than_all() -> None:
    assert bars(11, 10, [])[0] == Bar("generated", 11, 11)


def test_it_is_over_when_every_lag_is_zero() -> None:
    drain = Drain(patience=10)
    assert not drain.is_over([lag("serving", 5, 6), lag("event_handler", 6, 6)], 0)
    assert drain.is_over([lag("serving", 6, 6), lag("event_handler", 6, 6)], 1)


def test_it_waits_as_long_as_something_moves() -> None:
    drain = Drain(patience=10)
    assert not any(drain.is_over([lag("serving", done, 100)], done * 9.9) for done in range(50))


def test_it_gives_up_when_nothing_moves_and_says_what_is_stuck() -> None:
    drain = Drain(patience=10)
    stuck = [lag("serving", 5, 9), lag("event_handler", 6, 6)]
    drain.is_over(stuck, 0)
    drain.is_over(stuck, 10)
    with pytest.raises(Failed, match="nothing has moved for 10 s: serving has 4 records to go"):
        drain.is_over(stuck, 10.1)


def test_a_source_that_is_silent_for_long_is_no_failure() -> None:
    drain = Drain(patience=10)
    assert drain.is_over([lag("serving", 5, 5)], 0)
    assert drain.is_over([lag("serving", 5, 5)], 100)
    assert not drain.is_over([lag("serving", 5, 6)], 100.1)


def test_a_stages_work_is_timed_from_its_first_record_to_its_last() -> None:
    timer = Timer()
    for count, now in [(7, 0), (7, 1), (17, 2), (27, 3), (27, 4)]:
        timer.observe(count, now)
    assert timer.work("serving") == StageWork("serving", records=20, seconds=2)


def test_a_stage_that_did_nothing_took_no_time() -> None:
    timer = Timer()
    timer.observe(7, 0)
    assert timer.work("serving") == StageWork("serving", 0, 0)
    assert timer.work("serving").rate == 0


def worker(deaths: int, status: int) -> Worker:
    spec = WorkerSpec("serving-1", "serving", (), {}, Path("serving.log"), 0)
    return Worker(spec, history=History(deaths, deaths, status), why="no model")


def test_a_worker_that_died_a_few_times_is_given_a_chance() -> None:
    give_up_on_the_dying([worker(3, status=1)])


def test_a_worker_that_keeps_dying_ends_the_demo_with_its_last_words() -> None:
    with pytest.raises(Failed, match=r"serving-1 keeps dying: no model \(log: serving.log\)"):
        give_up_on_the_dying([worker(4, status=1)])


def test_a_worker_that_refuses_to_start_ends_the_demo_at_once() -> None:
    with pytest.raises(Failed, match="serving-1 refuses to start: no model"):
        give_up_on_the_dying([worker(1, status=3)])


def test_a_run_counts_what_both_phases_sent() -> None:
    load = Phase("load", 0, 1_000_000, 2_500_000, generated=10, malformed=2, stages=())
    latency = Phase("latency", 3_000_000, 4_000_000, 5_000_000, generated=5, malformed=0, stages=())
    facts = RunFacts(Path(), WorldSize(1, 9, 1), load, latency, "u1")
    assert (facts.generated, facts.malformed, facts.load.seconds) == (15, 2, 2.5)
