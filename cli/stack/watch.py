"""What a run is doing, stage by stage: one row each, out of the workers' own numbers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cli.stack.supervisor import State, Worker
from cli.state.scrape import Numbers, fetch, models_in, numbers_in
from pipeline.declaration import UseCase

_WINDOW_SECONDS = 5.0
_RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Row:
    """One stage: its numbers over all its workers, records in a second, and how they fare."""

    stage: str
    numbers: Numbers
    rate: float
    health: str


@dataclass(slots=True)
class Rate:
    """Records a second over the last few seconds."""

    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def at(self, now: float, total: int) -> float:
        """The rate as of `now` (seconds), when `total` records have come in."""
        self._seen.append((now, total))
        while now - self._seen[0][0] > _WINDOW_SECONDS:
            self._seen.popleft()
        began, before = self._seen[0]
        return (total - before) / (now - began) if now > began else 0.0


class Watch:
    """Asks the workers for their numbers and adds up those of their earlier lives."""

    def __init__(
        self,
        workers: Sequence[Worker],
        case: UseCase,
        ask: Callable[[int], str | None] = fetch,
    ) -> None:
        self._workers = workers
        self._case = case
        self._ask = ask
        self._lives: dict[str, dict[int, Numbers]] = {}
        self._rates: dict[str, Rate] = {}
        self._refused: dict[str, str] = {}

    def rows(self, now: float) -> list[Row]:
        """One row per stage, in the order of the data's way. May block a second per worker."""
        stages = dict.fromkeys(worker.spec.stage for worker in self._workers)
        return [self._row(stage, now) for stage in stages]

    def _row(self, stage: str, now: float) -> Row:
        workers = [worker for worker in self._workers if worker.spec.stage == stage]
        numbers = sum((self._numbers(worker) for worker in workers), Numbers())
        rate = self._rates.setdefault(stage, Rate()).at(now, numbers.records_in)
        return Row(stage, numbers, rate, _health([self._health(worker) for worker in workers]))

    def _numbers(self, worker: Worker) -> Numbers:
        """Of all its lives; the lag and the model are those of the present one."""
        lives = self._lives.setdefault(worker.spec.instance, {})
        life = worker.history.deaths
        if worker.state is State.RUNNING and (page := self._ask(worker.spec.port)) is not None:
            lives[life] = numbers_in(page, self._case)
            self._refused[worker.spec.instance] = ", ".join(models_in(page).refused)
        past = (numbers.counts for number, numbers in lives.items() if number != life)
        return sum(past, lives.get(life, Numbers()))

    def _health(self, worker: Worker) -> str:
        if worker.state is not State.RUNNING:
            return f"{worker.state}: {worker.why}"
        if worker.history.deaths not in self._lives.get(worker.spec.instance, {}):
            return "starting"
        deaths, refused = worker.history.deaths, self._refused[worker.spec.instance]
        restarted = f", restarted {_times(deaths)}" if deaths else ""
        return _RUNNING + restarted + (f", cannot use {refused}" if refused else "")


def _health(each: Sequence[str]) -> str:
    """What there is to say of a stage: whatever is not simply well, else that all is."""
    return "; ".join(dict.fromkeys(one for one in each if one != _RUNNING)) or _RUNNING


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
