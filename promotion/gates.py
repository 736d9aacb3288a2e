"""What a challenger must pass before it serves everyone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from promotion.figures import Comparison

_ROWS_A_SECOND = 60_000.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Where the gates stand.

    `equal` is the share of the champion's log loss within which two models count as equal. `rate`
    is in rows/s on one thread, the others are differences of rates and probabilities. Of the
    calibration error it is what is beyond doubt that counts.
    """

    equal: float = 0.01
    calibration_error: float = 0.03
    gap_growth: float = 0.02
    rate: float = _ROWS_A_SECOND
    users: int = 100


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate: whether it was passed, and by what, for a person to read."""

    name: str
    passed: bool
    said: str

    @property
    def line(self) -> str:
        """For a person."""
        return f"{'passed' if self.passed else 'FAILED'}  {self.name}: {self.said}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gates said, and what they looked at."""

    gates: tuple[Gate, ...]
    comparison: Comparison
    judged_on: Mapping[str, Any]

    @property
    def passed(self) -> bool:
        """Whether every gate was."""
        return all(gate.passed for gate in self.gates)


def gates(comparison: Comparison, rate: float, limits: Limits = LIMITS) -> tuple[Gate, ...]:
    """All gates; `rate` is how many rows/s the challenger scores here, on one thread."""
    return (
        _enough(comparison, limits),
        _better(comparison, limits),
        _calibrated(comparison, limits),
        *_fair(comparison, limits),
        Gate(
            "latency",
            rate >= limits.rate,
            f"{rate:,.0f} rows/s on one thread, {limits.rate:,.0f} at least",
        ),
    )


def _enough(comparison: Comparison, limits: Limits) -> Gate:
    users = comparison.users
    said = f"{users:,} users that neither model learnt from, {limits.users:,} at least"
    return Gate("enough users", users >= limits.users, said)


def _better(comparison: Comparison, limits: Limits) -> Gate:
    """Better beyond doubt; or equal, and better calibrated beyond doubt."""
    loss, calibration = comparison.log_loss, comparison.calibration_error
    equal = loss.high < limits.equal * comparison.champion.log_loss
    passed = loss.is_below_zero or (equal and calibration.is_below_zero)
    return Gate(
        "better",
        passed,
        f"log loss {loss}, calibration error {calibration}",
    )


def _calibrated(comparison: Comparison, limits: Limits) -> Gate:
    error = comparison.challenger.calibration_error
    said = (
        f"calibration error {error.value:.4f}, beyond doubt {error.low:.4f}, "
        f"{limits.calibration_error:g} at most"
    )
    return Gate("calibration", error.low <= limits.calibration_error, said)


def _fair(comparison: Comparison, limits: Limits) -> Iterator[Gate]:
    """The error rates of groups may not drift apart further than the champion's."""
    before = comparison.champion.gaps
    for name, gap in comparison.challenger.gaps.items():
        said = f"a gap of {gap:.3f}, the champion's {before[name]:.3f}"
        yield Gate(f"fairness: {name}", gap <= before[name] + limits.gap_growth, said)
