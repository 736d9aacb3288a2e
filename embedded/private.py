"""Files that only the account which wrote them can read."""

from __future__ import annotations

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Make `path` hold `text`, readable by its owner alone; whole or not at all."""
    staged = path.with_name(f".{path.name}")
    staged.unlink(missing_ok=True)  # of a process that was killed
    with os.fdopen(os.open(staged, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
    staged.rename(path)
