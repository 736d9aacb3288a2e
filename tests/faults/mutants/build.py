"""Copies of the packages with some text replaced."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.arena import REPOSITORY

_COPIED = (
    "pipeline",
    "event_handler",
    "stream_features",
    "serving",
    "inference_logger",
    "compaction",
    "rebuild",
    "generator",
    "use_cases",
    "embedded",
    "training",
    "cli",
    "tests",
    "models",
    "pyproject.toml",
)


class OutOfDateError(AssertionError):
    """The code has changed, and the mutant with it must."""


@dataclass(frozen=True, slots=True)
class Edit:
    """In a file, one text that stands there once, and what is put in its place."""

    file: str
    before: str
    after: str

    def make(self, build: Path) -> None:
        """Change the file in a build."""
        path = build / self.file
        text = path.read_text()
        if text.count(self.before) != 1:
            raise OutOfDateError(f"{self.file} does not hold this once: {self.before!r}")
        path.write_text(text.replace(self.before, self.after))


def make_build(directory: Path, edits: Sequence[Edit]) -> None:
    """Make a new directory that holds the packages with these edits."""
    for name in _COPIED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, directory / name)
        elif source.exists():
            shutil.copy2(source, directory / name)
    for edit in edits:
        edit.make(directory)
