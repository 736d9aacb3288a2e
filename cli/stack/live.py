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
    """The rows as a table; the numbers of a stage are those since this start."""
    made = Table(caption=Text(caption), caption_justify="left")
    made.add_column("stage", no_wrap=True)
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
def shown(
    console: Console, caption: str, advice: Callable[[Sequence[Row]], str]
) -> Iterator[tuple[Show, float]]:
    """Yields what shows rows, and the seconds after which to show them again.

    `advice` is what they give reason to say besides; empty where it is nothing.
    """
    if not console.is_terminal:
        say(console, caption)
        yield _Lines(console, advice).show, LINES_SECONDS
        return

    def show(rows: Sequence[Row]) -> None:
        said = "\n".join(filter(None, (advice(rows), caption)))
        live.update(table(rows, said), refresh=True)

    with Live(console=console, auto_refresh=False) as live:
        yield show, TABLE_SECONDS


class _Lines:
    """Prints the rows that say something new."""

    def __init__(self, console: Console, advice: Callable[[Sequence[Row]], str]) -> None:
        self._console = console
        self._advice = advice
        self._last: dict[str, str] = {}

    def show(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._say(row.stage, line(row))
        if advice := self._advice(rows):
            self._say("", advice)

    def _say(self, subject: str, words: str) -> None:
        if self._last.get(subject) != words:
            say(self._console, words)
            self._last[subject] = words
