"""What a demo run knows of itself: what it sent and when, for the self-check and the report.

Times are wall clock, microseconds since the epoch. Counts are records.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.world import WorldSize


@dataclass(frozen=True, slots=True)
class StageWork:
    """What one stage dealt with in a phase, and the seconds from its first record to its last."""

    stage: str
    records: int
    seconds: float

    @property
    def rate(self) -> float:
        """Records a second; 0 where nothing took any time."""
        return self.records / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Phase:
    """One stretch of a run: from its first record until every lag was zero again.

    `generated` counts all records that were sent and acknowledged, the malformed ones among them.
    """

    name: str
    began: int
    sent: int
    drained: int
    generated: int
    malformed: int
    stages: tuple[StageWork, ...]

    @property
    def seconds(self) -> float:
        """From the first record to the moment when every lag was zero."""
        return (self.drained - self.began) / 1e6


@dataclass(frozen=True, slots=True)
class Told:
    """What the API said of one user, by which version of the model, on features as of when."""

    user: str
    prediction: str
    probability: float
    version: str
    as_of: int


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One demo run. `load` is as fast as it goes, `latency` at a steady rate.

    `told` is what the API said when every lag was zero.
    """

    directory: Path
    world: WorldSize
    load: Phase
    latency: Phase
    example_entity: str
    told: tuple[Told, ...] = ()

    @property
    def generated(self) -> int:
        """All records that were sent, the malformed ones among them."""
        return self.load.generated + self.latency.generated

    @property
    def malformed(self) -> int:
        """How many of them were malformed on purpose."""
        return self.load.malformed + self.latency.malformed
