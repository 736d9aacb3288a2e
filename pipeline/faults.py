"""Named places in the code where a test can make the process raise or die.

`PIPELINE_FAULTS="after-link=exit:3,before-commit=raise"` makes the third passage of `after-link`
exit the process like kill -9, and every passage of `before-commit` raise. `stop` stops the process
like kill -STOP, until somebody lets it go on; `score=slow:50` takes 50 ms for each passage.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass, field

from pipeline.errors import Fatal, SettingsError

_ACTIONS = ("raise", "exit", "stop")
_SLOW = "slow"
_KILLED = 137


@dataclass(frozen=True, slots=True)
class _Fault:
    action: str
    on_passage: int | None  # None: every one
    milliseconds: int = 0


@dataclass(slots=True)
class FaultPoints:
    """The faults that were asked for; with none, passing a point costs one dictionary look-up."""

    faults: dict[str, _Fault] = field(default_factory=dict)
    passages: dict[str, int] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> FaultPoints:
        """The faults of a `point=action[:passage]` list. Raises SettingsError."""
        return cls(dict(_parse_one(item) for item in text.split(",") if item.strip()))

    def hit(self, point: str, times: int = 1) -> None:
        """Pass `point`: raises Fatal, ends, stops or delays the process where that was asked for.

        `times` only makes a delay longer. May block, for a delay.
        """
        fault = self.faults.get(point)
        if fault is None:
            return
        if fault.action == _SLOW:
            time.sleep(times * fault.milliseconds / 1e3)
            return
        self.passages[point] = self.passages.get(point, 0) + 1
        if fault.on_passage not in (None, self.passages[point]):
            return
        if fault.action == "exit":
            os._exit(_KILLED)
        if fault.action == "stop":
            # To this thread: sent to the process it stops another first, and this one runs on.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
            return
        raise Fatal(f"fault point {point}")


NO_FAULTS = FaultPoints()
"""Nothing was asked for."""


def _parse_one(item: str) -> tuple[str, _Fault]:
    point, _, rest = item.strip().partition("=")
    action, _, passage = rest.partition(":")
    if point and action == _SLOW and passage.isdigit():
        return point, _Fault(action, None, int(passage))
    if not point or action not in _ACTIONS or (passage and not passage.isdigit()):
        raise SettingsError(
            f"PIPELINE_FAULTS has {item.strip()!r}", "Write point=raise or point=exit:3"
        )
    return point, _Fault(action, int(passage) if passage else None)
