"""What of a phase has been generated, handled, folded, scored and logged so far. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cli.demo.facts import StageWork
from cli.endings import Failed
from cli.stack.supervisor import State, Worker
from cli.state.lags import Lag
from pipeline.topics import STAGES

MOST_DEATHS = 4
_WORDS = dict(zip(STAGES, ("handled", "folded", "scored", "logged"), strict=True))


@dataclass(frozen=True, slots=True)
class Bar:
    """`done` of `total` records, by the word for what is done to them."""

    word: str
    done: int
    total: int


def bars(sent: int, expected: int, lags: Sequence[Lag]) -> list[Bar]:
    """One bar for what was generated, and one for each stage that was looked at."""
    stages = {lag.stage: [one for one in lags if one.stage == lag.stage] for lag in lags}
    return [
        Bar("generated", sent, max(sent, expected)),
        *(
            Bar(_WORDS[stage], _done(seen), _done(seen) + _behind(seen))
            for stage, seen in stages.items()
        ),
    ]


@dataclass(slots=True)
class Timer:
    """When a stage's count first and last moved, out of readings at moments in seconds."""

    first: int | None = None
    count: int = 0
    before: float = 0.0
    began: float | None = None
    moved: float = 0.0

    def observe(self, count: int, now: float) -> None:
        """Take in a reading."""
        if self.first is None:
            self.first = self.count = count
        if count > self.count:
            self.began = self.before if self.began is None else self.began
            self.moved = now
        self.count, self.before = count, now

    def work(self, stage: str) -> StageWork:
        """What the stage has done between the first reading and the last."""
        seconds = 0.0 if self.began is None else self.moved - self.began
        return StageWork(stage, self.count - (self.first or 0), seconds)


@dataclass(slots=True)
class Drain:
    """Waits for every lag to be zero, for as long as something moves at least now and then."""

    patience: float
    stages: Sequence[str] = STAGES
    timers: dict[str, Timer] = field(init=False)
    _moved_at: float = 0.0
    _done: int = -1

    def __post_init__(self) -> None:
        self.timers = {stage: Timer() for stage in self.stages}

    def is_over(self, lags: Sequence[Lag], now: float) -> bool:
        """Take in a reading; True when nothing is left to do.

        Raises Failed when nothing has moved for `patience` seconds.
        """
        for stage, timer in self.timers.items():
            timer.observe(_done(lag for lag in lags if lag.stage == stage), now)
        behind = _behind(lags)
        if not behind or _done(lags) != self._done:
            self._moved_at, self._done = now, _done(lags)
        if now - self._moved_at > self.patience:
            raise Failed(f"nothing has moved for {self.patience:.0f} s: {_stuck(lags)}")
        return not behind

    def work(self) -> tuple[StageWork, ...]:
        """What each stage has done so far."""
        return tuple(timer.work(stage) for stage, timer in self.timers.items())


def give_up_on_the_dying(workers: Iterable[Worker]) -> None:
    """Raise Failed, with its last words, for a worker that keeps dying or has refused to start."""
    for worker in workers:
        if worker.state is State.REFUSED or worker.history.in_a_row >= MOST_DEATHS:
            times = "refuses to start" if worker.history.refused else "keeps dying"
            raise Failed(f"{worker.spec.instance} {times}: {worker.why} (log: {worker.spec.log})")


def _done(lags: Iterable[Lag]) -> int:
    return sum(lag.done for lag in lags)


def _behind(lags: Iterable[Lag]) -> int:
    return sum(lag.records for lag in lags)


def _stuck(lags: Sequence[Lag]) -> str:
    stages = dict.fromkeys(lag.stage for lag in lags if lag.records)
    return ", ".join(
        f"{stage} has {_behind(lag for lag in lags if lag.stage == stage)} records to go"
        for stage in stages
    )
