"""Where commands print: plain text as it is, one console for all of a command's output."""

from __future__ import annotations

from rich.console import Console


def say(console: Console, line: str) -> None:
    """Print a line as it is: no markup, no colours, and not broken into several."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def tell(line: str) -> None:
    """Print a line of what is being done."""
    say(Console(), line)
