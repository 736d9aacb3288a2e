from __future__ import annotations

from pathlib import Path

import pytest

import use_cases
from cli.stack.restarts import History
from cli.stack.supervisor import Process, Worker
from cli.stack.watch import Rate, Watch
from cli.stack.workers import WorkerSpec
from cli.state.scrape import Numbers

CASE = use_cases.load("first_day_churn")


class FakeProcess(Process):
    """A process that runs, without being one."""

    def __init__(self) -> None:
        self.returncode = None

    def __del__(self) -> None:
        pass


class FakeMetrics:
    """What workers answer, by their ports."""

    def __init__(self) -> None:
        self.forwarded: dict[int, int] = {}
        self.more = ""

    def ask(self, port: int) -> str | None:
        if port not in self.forwarded:
            return None
        labels = 'stage="event_handler",type="bet",outcome="forwarded"'
        lag = 'pipeline_lag_records{stage="event_handler",topic="t"} 5'
        return f"pipeline_records_total{{{labels}}} {self.forwarded[port]}\n{lag}\n{self.more}"


def worker(instance: str, port: int, stage: str = "event_handler") -> Worker:
    return Worker(WorkerSpec(instance, stage, (), {}, Path(), port), FakeProcess())


@pytest.fixture
def metrics() -> FakeMetrics:
    return FakeMetrics()


def test_a_stages_numbers_are_those_of_all_its_workers(metrics: FakeMetrics) -> None:
    metrics.forwarded = {1: 10, 2: 20}
    watch = Watch([worker("a", 1), worker("b", 2)], CASE, metrics.ask)
    (row,) = watch.rows(0)
    assert row.numbers == Numbers(records_in=30, out=30, lag=10)


def test_there_is_one_row_per_stage_in_their_order(metrics: FakeMetrics) -> None:
    workers = [worker("a", 1), worker("c", 3, "serving"), worker("b", 2)]
    rows = Watch(workers, CASE, metrics.ask).rows(0)
    assert [row.stage for row in rows] == ["event_handler", "serving"]


def test_a_worker_that_has_not_answered_yet_is_starting(metrics: FakeMetrics) -> None:
    (row,) = Watch([worker("a", 1)], CASE, metrics.ask).rows(0)
    assert (row.health, row.numbers) == ("starting", Numbers())


def test_a_worker_that_is_too_busy_to_answer_keeps_its_numbers(metrics: FakeMetrics) -> None:
    metrics.forwarded = {1: 10}
    watch = Watch([worker("a", 1)], CASE, metrics.ask)
    watch.rows(0)
    metrics.forwarded = {}
    (row,) = watch.rows(1)
    assert (row.health, row.numbers.records_in) == ("running", 10)


def test_a_worker_that_died_is_shown_with_its_reason(metrics: FakeMetrics) -> None:
    dead = worker("a", 1)
    dead.process, dead.history, dead.why = None, History(deaths=1, status=1), "out of luck"
    (row,) = Watch([dead], CASE, metrics.ask).rows(0)
    assert row.health == "waiting: out of luck"


def test_a_worker_that_refused_is_shown_with_its_reason(metrics: FakeMetrics) -> None:
    dead = worker("a", 1)
    dead.process, dead.history, dead.why = None, History(deaths=1, status=3), "no topic"
    (row,) = Watch([dead], CASE, metrics.ask).rows(0)
    assert row.health == "refused: no topic"


def test_what_a_worker_did_before_it_died_still_counts(metrics: FakeMetrics) -> None:
    restarted = worker("a", 1)
    watch = Watch([restarted], CASE, metrics.ask)
    metrics.forwarded = {1: 10}
    watch.rows(0)
    restarted.history = History(deaths=1, status=1)
    metrics.forwarded = {1: 3}
    (row,) = watch.rows(1)
    assert row.numbers == Numbers(records_in=13, out=13, lag=5)
    assert row.health == "running, restarted once"


def test_the_rate_is_that_of_the_last_seconds() -> None:
    rate = Rate()
    assert [rate.at(0, 0), rate.at(1, 100), rate.at(2, 200)] == [0, 100, 100]
    assert rate.at(60, 200) == 0
    assert rate.at(61, 205) == 5


def test_a_model_that_a_worker_cannot_use_is_named(metrics: FakeMetrics) -> None:
    metrics.forwarded = {1: 1}
    metrics.more = 'pipeline_model_refused{model="first_day_churn",what="2"} 1\n'
    (row,) = Watch([worker("a", 1)], CASE, metrics.ask).rows(0)
    assert row.health == "running, cannot use first_day_churn 2"
    metrics.more = 'pipeline_model_refused{model="first_day_churn",what="2"} 0\n'
    (row,) = Watch([worker("a", 1)], CASE, metrics.ask).rows(0)
    assert row.health == "running"
