"""When an entity has churned, told by its silence: for cases whose events carry no outcome."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.times import HOUR


@dataclass(frozen=True, slots=True)
class Silence:
    """Who churned sends no event in `hours` of event time that begin `after` hours have passed.

    They are counted from the first `opens_with` record in the log. What comes at their very
    beginning is before them, at their very end within. Raises ValueError for hours below 1.
    """

    opens_with: str
    after: int = 24
    hours: int = 24

    def __post_init__(self) -> None:
        if self.after < 0 or self.hours < 1:
            raise ValueError(f"no silence of {self.hours} hours after {self.after}")

    @property
    def begins(self) -> int:
        """Microseconds from the opening record until nothing more may be known of a label."""
        return self.after * HOUR

    @property
    def matures(self) -> int:
        """Microseconds from the opening record until the label is known."""
        return (self.after + self.hours) * HOUR
