"""What a row has found: how often its fault was injected, and each promise held against facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_KEPT = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """One promise: how many things it was checked on, and one line for each that breaks it."""

    name: str
    checked: int
    problems: tuple[str, ...]
    count: int

    @property
    def ok(self) -> bool:
        """Whether it holds; what was checked on nothing does not."""
        return self.checked > 0 and not self.problems

    @classmethod
    def of(cls, name: str, checked: int, problems: Iterable[str]) -> Verdict:
        """The verdict whose every breach is a line of `problems`; it keeps the first few."""
        found = list(problems)
        return cls(name, checked, tuple(found[:_KEPT]), len(found))


@dataclass(frozen=True, slots=True)
class Findings:
    """A row's outcome; `recovery` is the slowest time to recover, in seconds."""

    wanted: int
    injected: int
    verdicts: tuple[Verdict, ...]
    recovery: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the fault was injected as often as wanted, and every promise held."""
        return 0 < self.wanted <= self.injected and all(one.ok for one in self.verdicts)


def within(name: str, seconds: Sequence[float], limit: float) -> Verdict:
    """A target: each of these durations is at most `limit`."""
    late = [f"took {one:.1f} s, at most {limit:.1f}" for one in seconds if one > limit]
    return Verdict.of(f"{name} in {limit:g} s", len(seconds), late)


def fact(name: str, *, holds: bool, otherwise: str) -> Verdict:
    """A single fact that is to hold; `otherwise` says what was found instead."""
    return Verdict.of(name, 1, [] if holds else [otherwise])
