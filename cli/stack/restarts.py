"""When a worker that died is started again. Pure: time is an argument, in seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pipeline.exit_codes import ExitCode


@dataclass(frozen=True, slots=True)
class Policy:
    """Pauses double from the first to the longest; who ran `steady_after` begins anew."""

    first_pause: float = 0.5
    longest_pause: float = 30.0
    refused_pause: float = 30.0  # a person must act first; trying shows whether one has
    steady_after: float = 30.0


@dataclass(frozen=True, slots=True)
class History:
    """A worker's deaths: all, those in a row, the last exit status, and when it may start again."""

    deaths: int = 0
    in_a_row: int = 0
    status: int | None = None
    start_at: float = 0.0

    @property
    def refused(self) -> bool:
        """Whether the worker itself said that starting it again does not help."""
        return self.status == ExitCode.REFUSED

    def after_fencing(self) -> History:
        """The history when another worker took its name: who starts it again fences that one."""
        return History(self.deaths + 1, self.in_a_row + 1, ExitCode.REFUSED, math.inf)

    def after_death(self, status: int, ran: float, now: float, policy: Policy) -> History:
        """The history when the worker has ended with `status`, after running `ran` seconds."""
        in_a_row = 1 if ran >= policy.steady_after else self.in_a_row + 1
        pause = min(policy.first_pause * 2 ** min(in_a_row - 1, 16), policy.longest_pause)
        if status == ExitCode.REFUSED:
            pause = policy.refused_pause
        return History(self.deaths + 1, in_a_row, status, now + pause)
