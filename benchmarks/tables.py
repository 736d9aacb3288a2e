"""The results as tables of text, the same for the screen and for the README. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.course import Figures
from benchmarks.findings import Measure
from benchmarks.results import NAIVE, Rate, Ratio, Rounds

_MIB = 2**20
_WHOLE = 100  # from here on a figure's fraction says nothing
_PER: Mapping[Rate, str] = {
    "rate": "records per second",
    "cpu_rate": "per CPU second",
    "answers": "answers per second",
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A heading for each column, and the cells row by row; the first column is text."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def worker_sheet(rounds: Rounds) -> Sheet:
    """The medians of each worker, with its naive counterpart below it."""
    headings = ("worker", "records/s", "per CPU s", "seconds", "MiB at 1/4", "MiB at end")
    return Sheet(headings, tuple(_workers(rounds)))


def ratio_sheet(found: Sequence[Ratio]) -> Sheet:
    """How many times as fast one is as the other."""
    headings = ("ratio", "target", "median", "lowest to highest")
    return Sheet(headings, tuple(map(_ratio, found)))


def measure_sheet(found: Sequence[Measure]) -> Sheet:
    """Quantities in their own units."""
    headings = ("measure", "target", "median", "lowest to highest")
    return Sheet(headings, tuple(map(_measure, found)))


def machine_sheet(machine: Mapping[str, str]) -> Sheet:
    """On what it was measured."""
    return Sheet(("machine", ""), tuple(machine.items()))


def markdown(sheet: Sheet) -> str:
    """The sheet as a table of Markdown, without a line's end at its end."""
    rule = ["---", *("--:" for _ in sheet.headings[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (sheet.headings, rule, *sheet.rows))


def _workers(rounds: Rounds) -> Iterator[tuple[str, ...]]:
    for name, of_stage in rounds.items():
        yield (f"`{name}`", *_cells([one.ours for one in of_stage]))
        naive = [one.naive for one in of_stage if one.naive is not None]
        if naive:
            yield (f"its {NAIVE} counterpart", *_cells(naive))


def _cells(figures: Sequence[Figures]) -> tuple[str, ...]:
    def of(value: Callable[[Figures], float]) -> float:
        return median(map(value, figures))

    return (
        f"{of(lambda one: one.rate):,.0f}",
        f"{of(lambda one: one.cpu_rate):,.0f}",
        f"{of(lambda one: one.seconds):.1f}",
        f"{of(lambda one: one.resident_at_quarter) / _MIB:.0f}",
        f"{of(lambda one: one.resident_at_end) / _MIB:.0f}",
    )


def _ratio(one: Ratio) -> tuple[str, ...]:
    target = "" if one.target is None else f"{one.target:g}, {_verdict(met=one.met)}"
    return (f"{one.over} / {one.under}, {_PER[one.by]}", target, *_spread(one.rounds, one.median))


def _measure(one: Measure) -> tuple[str, ...]:
    target = "" if one.at_most is None else f"under {one.at_most:g}, {_verdict(met=one.met)}"
    return (f"{one.name}, {one.unit}", target, *_spread(one.rounds, one.median))


def _verdict(*, met: bool) -> str:
    return "met" if met else "missed"


def _spread(rounds: Sequence[float], middle: float) -> tuple[str, str]:
    around = f"{_number(min(rounds))} to {_number(max(rounds))}" if len(rounds) > 1 else ""
    return _number(middle), around


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= _WHOLE else f"{value:.2f}"
