"""Shows a phase's bars: side by side on a terminal, as lines where nobody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.console import say
from cli.demo.progress import Bar

_LINE_SECONDS = 5.0

Show = Callable[[Sequence[Bar], float], None]
"""Called with the bars and the moment, in seconds."""


@contextmanager
def displayed(console: Console) -> Iterator[Show]:
    """Yields what shows bars."""
    if not console.is_terminal:
        yield _Lines(console).show
        return
    columns = (TextColumn("{task.description:>9}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        yield _Bars(progress).show


class _Bars:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, object] = {}

    def show(self, bars: Sequence[Bar], now: float) -> None:  # noqa: ARG002 - it keeps its own time
        for bar in bars:
            if bar.word not in self._tasks:
                self._tasks[bar.word] = self._progress.add_task(bar.word)
            self._progress.update(self._tasks[bar.word], completed=bar.done, total=bar.total)  # type: ignore[arg-type] # a TaskID


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._due = 0.0

    def show(self, bars: Sequence[Bar], now: float) -> None:
        finished = all(bar.done == bar.total for bar in bars)
        if now >= self._due or finished:
            say(self._console, "  ".join(f"{bar.word} {bar.done}/{bar.total}" for bar in bars))
            self._due = now + _LINE_SECONDS
