"""How many records are sent: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_LINE_SECONDS = 30.0


@dataclass(slots=True)
class Meter:
    """Takes the number sent so far, and shows it."""

    show: Callable[[int], None]
    sent: int = 0

    def __call__(self, sent: int) -> None:
        """So many are sent by now."""
        self.sent = sent
        self.show(sent)


@contextmanager
def progress_shown(total: int | None) -> Iterator[Meter]:
    """Yields a meter whose number is shown on stderr; `total` is None where nobody knows it."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Meter(lines(total, lambda line: console.print(line, soft_wrap=True, highlight=False)))
        return
    columns = (TextColumn("sent"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=total)
        yield Meter(lambda sent: bar.update(task, completed=sent))


def lines(
    total: int | None,
    say: Callable[[str], None],
    now: Callable[[], float] = time.monotonic,
    every: float = _LINE_SECONDS,
) -> Callable[[int], None]:
    """What says how many are sent, at most once in `every` seconds."""
    due = now() + every

    def show(sent: int) -> None:
        nonlocal due
        if now() < due:
            return
        due = now() + every
        say(f"{sent:,} records sent" if total is None else f"{sent:,} of {total:,} records sent")

    return show
