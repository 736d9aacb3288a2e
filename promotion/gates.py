"""What a challenger must pass before it serves everyone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from promotion.figures import LEAST_USERS, Comparison

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


class GateResult(StrEnum):
    """What came of one gate."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_JUDGED = "not judged"  # the data say nothing about it, neither good nor bad


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate: what came of it, and by what, for a person to read."""

    name: str
    result: GateResult
    said: str

    @classmethod
    def judged(cls, name: str, *, passed: bool, said: str) -> Self:
        """One that the data are enough for."""
        return cls(name, GateResult.PASSED if passed else GateResult.FAILED, said)

    @property
    def line(self) -> str:
        """For a person."""
        result = "FAILED" if self.result is GateResult.FAILED else self.result
        return f"{result}  {self.name}: {self.said}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gates said, and what they looked at."""

    gates: tuple[Gate, ...]
    comparison: Comparison
    judged_on: Mapping[str, Any]

    @property
    def passed(self) -> bool:
        """Whether no gate was failed; one that cannot be judged stops nobody, and is named."""
        return all(gate.result is not GateResult.FAILED for gate in self.gates)

    @property
    def why(self) -> str:
        """In one sentence, for the record."""
        if not self.passed:
            return "a gate was not passed"
        open_ = [gate.name for gate in self.gates if gate.result is GateResult.NOT_JUDGED]
        if open_:
            return f"every gate that could be judged was passed; not judged: {', '.join(open_)}"
        return "every gate passed"


def gates(comparison: Comparison, rate: float, limits: Limits = LIMITS) -> tuple[Gate, ...]:
    """All gates; `rate` is how many rows/s the challenger scores here, on one thread."""
    return (
        _enough(comparison, limits),
        _better(comparison, limits),
        _calibrated(comparison, limits),
        *_fair(comparison, limits),
        Gate.judged(
            "latency",
            passed=rate >= limits.rate,
            said=f"{rate:,.0f} rows/s on one thread, {limits.rate:,.0f} at least",
        ),
    )


def _enough(comparison: Comparison, limits: Limits) -> Gate:
    users = comparison.users
    said = f"{users:,} users that neither model learnt from, {limits.users:,} at least"
    return Gate.judged("enough users", passed=users >= limits.users, said=said)


def _better(comparison: Comparison, limits: Limits) -> Gate:
    """Better beyond doubt; or equal, and better calibrated beyond doubt."""
    loss, calibration = comparison.log_loss, comparison.calibration_error
    equal = loss.high < limits.equal * comparison.champion.log_loss
    passed = loss.is_below_zero or (equal and calibration.is_below_zero)
    said = f"log loss {loss}, calibration error {calibration}"
    return Gate.judged("better", passed=passed, said=said)


def _calibrated(comparison: Comparison, limits: Limits) -> Gate:
    error = comparison.challenger.calibration_error
    said = (
        f"calibration error {error.value:.4f}, beyond doubt {error.low:.4f}, "
        f"{limits.calibration_error:g} at most"
    )
    return Gate.judged("calibration", passed=error.low <= limits.calibration_error, said=said)


def _fair(comparison: Comparison, limits: Limits) -> Iterator[Gate]:
    """The error rates of groups may not drift apart further than the champion's."""
    for name, gap in comparison.challenger.gaps.items():
        before = comparison.champion.gaps[name]
        if gap is None or before is None:
            said = f"no two groups of {LEAST_USERS} users"
            yield Gate(f"fairness: {name}", GateResult.NOT_JUDGED, said)
        else:
            said = f"a gap of {gap:.3f}, the champion's {before:.3f}"
            passed = gap <= before + limits.gap_growth
            yield Gate.judged(f"fairness: {name}", passed=passed, said=said)
