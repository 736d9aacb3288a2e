"""What the last comparison of logged inputs with the fold found: a note beside the log. Blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from math import nan
from pathlib import Path

import msgspec

from pipeline import metrics
from pipeline.declaration import UseCase
from pipeline.disk import write_whole

_NOTE = "_verified.json"  # readers of the log pass over names that begin so


@dataclass(frozen=True, slots=True)
class Verification:
    """How many inferences were compared, and of how many each input differs, by its name.

    `strange` are inferences that the fold asks for nowhere, or of someone else.
    """

    verified_at: str
    compared: int
    mismatches: Mapping[str, int]
    strange: int = 0

    @property
    def ok(self) -> bool:
        """Whether all are what the fold makes of the log."""
        return not self.strange and not any(self.mismatches.values())

    @property
    def verdict(self) -> str:
        """What was found, on one line."""
        differing = [f"{name} in {count:,}" for name, count in self.mismatches.items() if count]
        if self.strange:
            differing.append(f"{self.strange:,} are none that the fold asks for")
        what = "equal the fold, bit for bit" if self.ok else f"differ: {', '.join(differing)}"
        return f"those of {self.compared:,} inferences {what} (verified {self.verified_at})"


def note(parquet_dir: Path, found: Verification) -> None:
    """Leave it beside the log, whole or not at all."""
    write_whole(parquet_dir / _NOTE, msgspec.json.encode(asdict(found)))


def noted(parquet_dir: Path) -> Verification | None:
    """The last one, if there was one that can be read."""
    try:
        return msgspec.json.decode((parquet_dir / _NOTE).read_bytes(), type=Verification)
    except (OSError, msgspec.DecodeError):
        return None


def publish(case: UseCase, parquet_dir: Path) -> None:
    """Have a worker's metrics tell the last note of each input, whenever they are read."""
    for name in case.inputs:
        metrics.FEATURE_MISMATCHES.labels(name).set_function(partial(_noted_of, parquet_dir, name))


def _noted_of(parquet_dir: Path, name: str) -> float:
    """Not a number before the first note."""
    found = noted(parquet_dir)
    return nan if found is None else found.mismatches.get(name, nan)
