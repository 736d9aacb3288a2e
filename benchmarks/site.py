"""Where labs are set up: each with servers of its own, which end with it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lab import PARTITIONS, Lab, lab
from benchmarks.size import Size
from embedded.software import Software
from embedded.stack import Endpoints, Stack


@dataclass(frozen=True, slots=True)
class Site:
    """How much is measured, with which servers, and who is told how it goes."""

    size: Size
    software: Software
    say: Callable[[str], None]

    @contextmanager
    def lab(self, partitions: int = PARTITIONS) -> Iterator[Lab]:
        """An empty lab in a directory that is gone afterwards. Main thread only."""
        with (
            self._servers() as (directory, endpoints),
            lab(self.size, directory, endpoints, partitions=partitions) as made,
        ):
            yield made

    @contextmanager
    def labs(self, *cases: str) -> Iterator[list[Lab]]:
        """One for each use case, side by side on the same servers."""
        with self._servers() as (directory, endpoints), ExitStack() as open_ones:
            yield [
                open_ones.enter_context(lab(self.size, directory / case, endpoints, case))
                for case in cases
            ]

    @contextmanager
    def _servers(self) -> Iterator[tuple[Path, Endpoints]]:
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            directory = Path(name)
            with Stack(directory, self.software) as endpoints:
                yield directory, endpoints
