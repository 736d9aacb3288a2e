"""`python -m tests.faults`: plays the rows and prints their table; ends with 1 if one fails."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from tests.faults.report import as_json, markdown, problems, table
from tests.faults.rows import all_rows
from tests.faults.runner import Result, play_all
from tests.faults.scale import FULL, SHORT

HOME = Path(".pipeline/faults")


def main() -> int:
    """Run what the command line asks for."""
    given, known = _arguments(), all_rows()
    numbers = [int(one) for one in given.rows.split(",")] if given.rows else [*known]
    if strangers := [number for number in numbers if number not in known]:
        sys.exit(f"there is no row {strangers}; there are {[*known]}")
    home = HOME / datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    scale = replace(SHORT if given.short else FULL, patience=given.patience)
    logging.disable(logging.ERROR)  # the clients tell of every outage, a thousand lines of a row
    console = Console(width=None if sys.stdout.isatty() else 200)
    results = play_all([known[number] for number in numbers], home, scale, _told)
    console.print(table(results))
    out = given.out or home / "results.json"
    out.write_text(json.dumps(as_json(results), indent=2))
    out.with_suffix(".md").write_text(markdown(results))
    console.print(f"{out}", soft_wrap=True)
    return 0 if all(one.ok for one in results) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--rows", default="", metavar="1,7", help="only these rows")
    parser.add_argument("--short", action="store_true", help="fewer events, fewer faults")
    parser.add_argument("--out", type=Path, help="where the JSON goes, and the table as Markdown")
    parser.add_argument(
        "--patience", type=float, default=1.0, help="multiplies each limit, on a busy machine"
    )
    return parser.parse_args()


def _told(result: Result) -> None:
    """One line for a row that passed, and all that is known of one that did not."""
    number, fault = result.row.number, result.row.fault
    if result.ok:
        print(f"row {number}: ok, {fault}, {result.seconds:.0f} s", flush=True)  # noqa: T201 - it is a script
        return
    lines = [f"row {number}: FAIL, {fault}; see {result.directory}", *problems(result)]
    print("\n  ".join(lines), flush=True)  # noqa: T201 - it is a script


if __name__ == "__main__":
    sys.exit(main())
