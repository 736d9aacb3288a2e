"""What a self-check found: one `Check` for each promise, and the run's figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Check:
    """One promise held against what is there: `checked` of `unit`, and how many break it."""

    name: str
    checked: int
    unit: str
    mismatches: int
    examples: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the promise holds."""
        return self.mismatches == 0

    @classmethod
    def of(cls, name: str, checked: int, unit: str, problems: Sequence[str]) -> Check:
        """The check whose every mismatch is a line of `problems`; it keeps the first few."""
        return cls(name, checked, unit, len(problems), tuple(problems[:_SHOWN]))


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from an event's arrival to its effect: the middle, and the slowest of 100."""

    records: int
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Sharpness:
    """Probabilities against what became of the users; no `auc` where all had the same outcome."""

    log_loss: float
    auc: float | None


@dataclass(frozen=True, slots=True)
class Quality:
    """Scores and decisions against what became of the users.

    `best` is what the best possible scores from the same inputs would come to, where the world is
    known exactly.
    """

    scores: int
    accuracy: float
    reached: Sharpness
    best: Sharpness | None


@dataclass(frozen=True, slots=True)
class Files:
    """The Parquet files under a directory."""

    directory: Path
    count: int
    size: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What the closing report says besides the checks; None for what there is none of."""

    is_scored: bool
    models: tuple[str, ...]
    """Name and version of each that scored."""
    events: int
    entities: int
    inferences: int
    rejected: Mapping[str, int]
    to_feature: Latency | None
    to_score: Latency | None
    every_score: Quality | None
    last_score: Quality | None
    files: Files


@dataclass(frozen=True, slots=True)
class CheckResult:
    """All checks of a run, and its figures."""

    checks: tuple[Check, ...]
    figures: Figures

    @property
    def ok(self) -> bool:
        """Whether every promise holds."""
        return all(check.ok for check in self.checks)
