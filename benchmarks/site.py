"""Where labs are set up: each with servers of its own, which end with it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lab import PARTITIONS, Lab, lab
from benchmarks.size import Size
from embedded.software import Software
from embedded.stack import Stack


@dataclass(frozen=True, slots=True)
class Site:
    """How much is measured, with which servers, and who is told how it goes."""

    size: Size
    software: Software
    say: Callable[[str], None]

    @contextmanager
    def lab(self, partitions: int = PARTITIONS) -> Iterator[Lab]:
        """An empty lab in a directory that is gone afterwards. Main thread only."""
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            directory = Path(name)
            with (
                Stack(directory, self.software) as endpoints,
                lab(self.size, directory, endpoints, partitions) as made,
            ):
                yield made
