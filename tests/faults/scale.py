"""How large a run of the suite is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scale:
    """How many events are sent, how many a second, and how often a fault is injected.

    Each limit of time is multiplied by `patience`: on a machine that does other work as well the
    limits say nothing of the pipeline.
    """

    events: int = 12_000
    rate: float = 200.0
    is_short: bool = False
    patience: float = 1.0

    def pick(self, full: T, short: T) -> T:
        """What a full row takes, or a shortened one."""
        return short if self.is_short else full


FULL = Scale()
SHORT = Scale(2_500, 250.0, is_short=True)
