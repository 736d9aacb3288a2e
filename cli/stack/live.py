"""Shows what a run is doing: a table that renews itself, or lines where nobody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.console import say
from cli.stack.watch import Row

TABLE_SECONDS = 0.5
LINES_SECONDS = 10.0

Show = Callable[[Sequence[Row]], None]


def table(rows: Sequence[Row], caption: str) -> Table:
    """The rows as a table; the numbers of a stage are those since this run began."""
    made = Table(caption=Text(caption), caption_justify="left")
    made.add_column("stage")
    for name in ("in", "out", "rejected", "rate/s", "lag"):
        made.add_column(name, justify="right")
    made.add_column("workers", overflow="fold")
    for row in rows:
        numbers = row.numbers
        counts = (numbers.records_in, numbers.out, numbers.rejected, round(row.rate), numbers.lag)
        made.add_row(row.stage, *(f"{count:,}" for count in counts), Text(row.health))
    return made


def line(row: Row) -> str:
    """A row as one line."""
    numbers = row.numbers
    return (
        f"{row.stage}: in {numbers.records_in}, out {numbers.out}, rejected {numbers.rejected}, "
        f"{row.rate:.0f}/s, lag {numbers.lag}, {row.health}"
    )


@contextmanager
def shown(console: Console, caption: str) -> Iterator[tuple[Show, float]]:
    """Yields what shows rows, and the seconds after which to show them again."""
    if not console.is_terminal:
        say(console, caption)
        yield _Lines(console).show, LINES_SECONDS
        return
    with Live(console=console, auto_refresh=False) as live:
        yield (lambda rows: live.update(table(rows, caption), refresh=True)), TABLE_SECONDS


class _Lines:
    """Prints the rows that say something new."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: dict[str, str] = {}

    def show(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if self._last.get(row.stage) != line(row):
                say(self._console, line(row))
                self._last[row.stage] = line(row)
