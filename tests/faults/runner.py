"""Plays rows one after the other, on the same servers for as long as they are whole."""

from __future__ import annotations

import time
import traceback
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.faults.arena import REPOSITORY, Arena
from tests.faults.findings import Findings
from tests.faults.row import Row
from tests.faults.scale import Scale
from tests.faults.servers import Servers, running_servers


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a row; `findings` are None where it raised `error`.

    `waits` are what it waited for and how many seconds.
    """

    row: Row
    seconds: float
    directory: Path
    waits: Sequence[tuple[str, float]]
    findings: Findings | None = None
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether the row passed."""
        return self.findings is not None and self.findings.ok


class Runner:
    """A context manager that holds the servers. Main thread only."""

    def __init__(self, home: Path, scale: Scale) -> None:
        self._home = home.absolute()
        self._scale = scale
        self._servers: Servers | None = None
        self._undo = ExitStack()
        self._lives = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()

    def let_go(self) -> None:
        """Stop the servers; the next row gets new ones."""
        self._servers = None
        self._undo.close()

    def play(self, row: Row, build: Path = REPOSITORY) -> Result:
        """Play a row; whatever it raises is its failure."""
        servers = self._whole_servers()
        name = f"row-{row.number:02}-{uuid.uuid4().hex[:6]}"
        result = play(row, Arena(name, servers, self._home / name, self._scale, build))
        if row.spoils or not result.ok:
            self.let_go()
        return result

    def _whole_servers(self) -> Servers:
        if self._servers is not None and not self._servers.are_whole:
            self.let_go()
        if self._servers is None:
            self._lives += 1
            directory = self._home / f"servers-{self._lives}"
            self._servers = self._undo.enter_context(running_servers(directory))
        return self._servers


def play(row: Row, arena: Arena) -> Result:
    """Play a row in its arena, which is cleared if it passes and kept if it does not."""
    began = time.monotonic()
    arena.directory.mkdir(parents=True)
    findings, error = None, ""
    try:
        arena.prepare()
        findings = row.play(arena)
        if findings.ok:
            arena.clear()
    except Exception as raised:  # noqa: BLE001 - it is the row's result
        error = f"{type(raised).__name__}: {raised}"
        (arena.directory / "traceback").write_text(traceback.format_exc())
    return Result(row, time.monotonic() - began, arena.directory, arena.waits, findings, error)


def play_all(
    rows: Iterable[Row], home: Path, scale: Scale, tell: Callable[[Result], None]
) -> list[Result]:
    """Play rows in their order; `tell` gets each result as it comes."""
    results = []
    with Runner(home, scale) as runner:
        for row in rows:
            results.append(runner.play(row))
            tell(results[-1])
    return results
