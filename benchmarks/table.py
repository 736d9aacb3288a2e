"""Writes the README's tables from the stored results: `python -m benchmarks.table`.

Each stands between `<!-- table: NAME -->` and `<!-- end -->`, so that no figure is by hand.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from benchmarks.findings import Findings
from benchmarks.parts import ASKED_FOR
from benchmarks.report import Report
from benchmarks.results import noise, ratios
from benchmarks.tables import (
    Sheet,
    machine_sheet,
    markdown,
    measure_sheet,
    ratio_sheet,
    worker_sheet,
)

README = Path(__file__).parent / "README.md"
RESULTS = Path(__file__).parent / "results"
_BLOCK = re.compile(r"(<!-- table: ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_NOTHING = "Not measured yet."


def main() -> int:
    """Write the README anew."""
    README.write_text(rendered(README.read_text(), RESULTS))
    return 0


def rendered(text: str, results: Path) -> str:
    """The text with each of its tables as the result files have it. Raises as `Report.read`."""
    tables = tables_of(Report.read(results / "full.json"))
    for name in ASKED_FOR:
        path = results / f"full-{name}.json"
        if path.exists():
            tables[name] = tables_of(Report.read(path))[name]
    return _BLOCK.sub(lambda found: f"{found[1]}{tables.get(found[2], _NOTHING)}\n{found[3]}", text)


def tables_of(report: Report) -> dict[str, str]:
    """Each table of a report as Markdown, by its name in the README."""
    return {
        "ratios": markdown(ratio_sheet(ratios(report.rounds))),
        "noise": markdown(ratio_sheet(noise(report.rounds))),
        "workers": markdown(worker_sheet(report.rounds)),
        "machine": markdown(machine_sheet(report.conditions["machine"])),
        **{name: _part(found) for name, found in report.parts.items()},
    }


def _part(found: Findings) -> str:
    sheets: list[Sheet] = [ratio_sheet(found.ratios), measure_sheet(found.measures)]
    return "\n\n".join(markdown(sheet) for sheet in sheets if sheet.rows)


if __name__ == "__main__":
    sys.exit(main())
