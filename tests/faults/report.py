"""The table of a run, and the same as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from tests.faults.findings import Verdict
from tests.faults.runner import Result

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I7")
COLUMNS = ("row", "fault", "injected", *INVARIANTS, "targets", "recovery", "took")
_SHOWN = 5


def table(results: Sequence[Result]) -> Table:
    """One line for each row."""
    made = Table()
    for name in COLUMNS:
        made.add_column(name, overflow="fold")
    for one in results:
        made.add_row(*map(Text, _cells(one)))
    return made


def markdown(results: Sequence[Result]) -> str:
    """The same for a document."""
    cells = [[cell.replace("\n", "; ") for cell in _cells(one)] for one in results]
    lines = [COLUMNS, ["---"] * len(COLUMNS), *cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def problems(result: Result) -> list[str]:
    """Why a row failed, in lines."""
    if result.findings is None:
        return [result.error]
    found = result.findings
    if found.injected < found.wanted or not found.wanted:
        return [f"injected {found.injected} times, not {found.wanted}"]
    return [
        f"{one.name}: {problem}" for one in found.verdicts if not one.ok for problem in _told(one)
    ]


def as_json(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Everything, with the first problems of each promise."""
    return [
        {
            "row": one.row.number,
            "fault": one.row.fault,
            "ok": one.ok,
            "seconds": round(one.seconds, 1),
            "error": one.error,
            "waits": one.waits,
            "findings": asdict(one.findings) if one.findings else None,
        }
        for one in results
    ]


def _told(verdict: Verdict) -> list[str]:
    if not verdict.checked:
        return ["was checked on nothing"]
    more = verdict.count - _SHOWN
    return [*verdict.problems[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]


def _cells(one: Result) -> list[str]:
    start = [str(one.row.number), one.row.fault]
    took = f"{one.seconds:.0f} s"
    found = one.findings
    if found is None:
        return [*start, "FAIL", *("" for _ in INVARIANTS), one.error[:120], "", took]
    by_name = {verdict.name: verdict for verdict in found.verdicts}
    targets = [verdict for verdict in found.verdicts if verdict.name not in INVARIANTS]
    injected = f"{found.injected} of {found.wanted}" if found.injected < found.wanted else ""
    return [
        *start,
        injected or str(found.injected),
        *(_cell(by_name.get(name)) for name in INVARIANTS),
        "\n".join(f"{verdict.name}: {_cell(verdict)}" for verdict in targets),
        "" if found.recovery is None else f"{found.recovery:.1f} s",
        took,
    ]


def _cell(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    return "ok" if verdict.ok else "FAIL"
