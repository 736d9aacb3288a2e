"""The results as tables for people and as JSON for a later comparison."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from benchmarks.course import Figures
from benchmarks.results import Ratio, Rounds, noise, ratios
from benchmarks.size import Size

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found; `conditions` says where, on what, and beside what else."""

    size: Size
    conditions: Mapping[str, Any]
    rounds: Rounds

    def show(self, console: Console) -> None:
        """Print the tables."""
        console.print(_rates(self.rounds), _ratios("Ratios", ratios(self.rounds)))
        console.print(_ratios("The same code twice: the noise", noise(self.rounds)))

    def write(self, path: Path) -> None:
        """Replace the file of this name by these results."""
        content = {
            "size": asdict(self.size),
            "conditions": dict(self.conditions),
            "ratios": [_summary(one) for one in ratios(self.rounds)],
            "noise": [_summary(one) for one in noise(self.rounds)],
            "rounds": {name: [asdict(one) for one in of] for name, of in self.rounds.items()},
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1) + "\n")


def _summary(ratio: Ratio) -> dict[str, Any]:
    return {**asdict(ratio), "median": ratio.median}


def _rates(rounds: Rounds) -> Table:
    table = Table(Column("worker", no_wrap=True), title="Medians over the rounds")
    for heading in ("records/s", "per CPU s", "seconds", "MiB at 1/4", "MiB at end"):
        table.add_column(heading, justify="right")
    for name, of_stage in rounds.items():
        table.add_row(name, *_cells([one.ours for one in of_stage]))
        naive = [one.naive for one in of_stage if one.naive is not None]
        if naive:
            table.add_row("  naive", *_cells(naive))
    return table


def _cells(figures: Sequence[Figures]) -> Iterable[str]:
    def of(value: Callable[[Figures], float]) -> float:
        return median(map(value, figures))

    return (
        f"{of(lambda one: one.rate):,.0f}",
        f"{of(lambda one: one.cpu_rate):,.0f}",
        f"{of(lambda one: one.seconds):.1f}",
        f"{of(lambda one: one.resident_at_quarter) / _MIB:.0f}",
        f"{of(lambda one: one.resident_at_end) / _MIB:.0f}",
    )


def _ratios(title: str, found: Sequence[Ratio]) -> Table:
    table = Table(Column("", no_wrap=True), "per", title=title)
    for heading in ("median", "low", "high", "target"):
        table.add_column(heading, justify="right")
    for one in found:
        table.add_row(
            f"{one.over} : {one.under}",
            "CPU s" if one.by == "cpu_rate" else "s",
            f"{one.median:.2f}",
            f"{min(one.rounds):.2f}",
            f"{max(one.rounds):.2f}",
            "" if one.target is None else f"{one.target:g} {_verdict(one.median, one.target)}",
        )
    return table


def _verdict(found: float, target: float) -> str:
    return "met" if found >= target else "missed"
