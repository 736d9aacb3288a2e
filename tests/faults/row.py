"""One line of the suite's table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.arena import Arena
from tests.faults.findings import Findings


@dataclass(frozen=True, slots=True)
class Row:
    """A fault. `play` injects it and says what came of it; what it raises fails the row.

    A row after which the servers are not to be used again `spoils` them.
    """

    number: int
    fault: str
    play: Callable[[Arena], Findings]
    spoils: bool = False
