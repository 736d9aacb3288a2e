"""The results as a file for a later comparison, and on the screen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.course import Figures
from benchmarks.findings import Findings, Measure, Parts
from benchmarks.results import Ratio, Round, Rounds, noise, ratios
from benchmarks.size import Size
from benchmarks.tables import Sheet, measure_sheet, ratio_sheet, worker_sheet


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found; `conditions` says where, on what, and beside what else."""

    size: Size
    conditions: Mapping[str, Any]
    rounds: Rounds
    parts: Parts = field(default_factory=dict)

    @property
    def ratios(self) -> list[Ratio]:
        """Those of the stages, then those of the parts."""
        return [*ratios(self.rounds), *(one for of in self.parts.values() for one in of.ratios)]

    @property
    def measures(self) -> list[Measure]:
        """Those of all parts."""
        return [one for found in self.parts.values() for one in found.measures]

    def show(self, console: Console) -> None:
        """Print the tables."""
        sheets = {
            "Medians over the rounds": worker_sheet(self.rounds),
            "Ratios": ratio_sheet(self.ratios),
            "The same code twice: the noise": ratio_sheet(noise(self.rounds)),
            "Measures": measure_sheet(self.measures),
        }
        for title, sheet in sheets.items():
            if sheet.rows:
                console.print(_table(title, sheet))

    def write(self, path: Path) -> None:
        """Replace the file of this name by these results."""
        content = {
            "size": asdict(self.size),
            "conditions": dict(self.conditions),
            "ratios": [_summary(one) for one in ratios(self.rounds)],
            "noise": [_summary(one) for one in noise(self.rounds)],
            "rounds": {name: [asdict(one) for one in of] for name, of in self.rounds.items()},
            "parts": {name: _part(found) for name, found in self.parts.items()},
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Report:
        """What `write` has written. Raises OSError, and ValueError, KeyError or TypeError."""
        content = json.loads(path.read_text())
        return cls(
            Size(**content["size"]),
            content["conditions"],
            {name: [_round(one) for one in of] for name, of in content["rounds"].items()},
            {name: _findings(one) for name, one in content.get("parts", {}).items()},
        )


def _summary(found: Ratio | Measure) -> dict[str, Any]:
    return {**asdict(found), "median": found.median}


def _part(found: Findings) -> dict[str, Any]:
    return {
        "ratios": [_summary(one) for one in found.ratios],
        "measures": [_summary(one) for one in found.measures],
    }


def _round(found: Mapping[str, Any]) -> Round:
    naive = found["naive"]
    return Round(
        Figures(**found["ours"]),
        None if naive is None else Figures(**naive),
        Figures(**found["again"]),
    )


def _findings(found: Mapping[str, Any]) -> Findings:
    return Findings(
        tuple(Ratio(**_fields(one)) for one in found["ratios"]),
        tuple(Measure(**_fields(one)) for one in found["measures"]),
    )


def _fields(summary: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in summary.items() if name != "median"}
    return {**kept, "rounds": tuple(kept["rounds"])}


def _table(title: str, sheet: Sheet) -> Table:
    table = Table(title=title, title_justify="left")
    for number, heading in enumerate(sheet.headings):
        table.add_column(heading, justify="right" if number else "left", no_wrap=not number)
    for row in sheet.rows:
        table.add_row(*row)
    return table
