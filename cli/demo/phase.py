"""One phase of the demo: send, keep the workers running, wait until every lag is zero."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from cli.demo.display import Show
from cli.demo.facts import Phase
from cli.demo.progress import Drain, bars, give_up_on_the_dying
from cli.demo.sending import Sending
from cli.endings import Failed
from cli.stack.running import Base
from cli.stack.supervisor import Supervisor
from cli.state.lags import LagReader
from generator.pace import Pace
from pipeline.clock import Clock
from pipeline.topics import stages_of
from pipeline.world import SourceRecord

Answer = TypeVar("Answer")

PATIENCE_SECONDS = 60.0
_READ_SECONDS = 0.5
_NEARLY_DONE = 5_000  # records: from here on the end is looked for more often
_TICK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Load:
    """What a phase sends; `good` of its records are well-formed, about `expected` are sent."""

    name: str
    records: Iterator[SourceRecord]
    pace: Pace
    expected: int
    good: int


@dataclass(frozen=True, slots=True)
class Driver:
    """Runs phases on a running pipeline."""

    base: Base
    supervisor: Supervisor
    lags: LagReader
    clock: Clock

    def run(self, load: Load, show: Show) -> Phase:
        """Send all of `load` and wait for all its effects. Blocks; raises Failed."""
        drain = Drain(PATIENCE_SECONDS, stages_of(self.base.case))
        began, sent_at = self.clock.now(), 0
        drain.is_over(self.lags.read(), time.monotonic())
        case, settings = self.base.case, self.base.settings.kafka
        with Sending(settings, case, load.records, load.pace) as sending:
            while True:
                if not sent_at and sending.is_done():
                    sent_at = self.clock.now()
                lags = self.lags.read()
                over = drain.is_over(lags, time.monotonic())
                show(bars(sending.sent, load.expected, lags), time.monotonic())
                if sent_at and over:
                    break
                behind = sum(lag.records for lag in lags)
                self._wait(_TICK_SECONDS if behind < _NEARLY_DONE and sent_at else _READ_SECONDS)
        return Phase(
            name=load.name,
            began=began,
            sent=sent_at,
            drained=self.clock.now(),
            generated=sending.sent,
            malformed=sending.sent - load.good,
            stages=drain.work(),
        )

    def wait_for(self, ask: Callable[[], Answer | None], what: str) -> Answer:
        """Ask until there is an answer. Blocks; raises Failed where there is none for a minute."""
        until = time.monotonic() + PATIENCE_SECONDS
        while (answer := ask()) is None:
            if time.monotonic() > until:
                raise Failed(f"{what} does not come (logs: {self.base.directory / 'logs'})")
            self._wait(_TICK_SECONDS)
        return answer

    def _wait(self, seconds: float) -> None:
        """Let time pass while the workers are looked after. Raises Failed for a dying one."""
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            self.base.servers.check()
            self.supervisor.tick(now)
            give_up_on_the_dying(self.supervisor.workers)
            time.sleep(_TICK_SECONDS)
