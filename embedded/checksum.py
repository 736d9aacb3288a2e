"""Downloads are what they were when they were pinned, or they are not used."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pipeline.errors import Refusal

if TYPE_CHECKING:
    from pathlib import Path


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(path: Path, expected: str) -> None:
    """Raise Refusal unless the file has this SHA-256."""
    if sha256(path) != expected:
        raise Refusal(
            f"The download {path.name} is not the file that was pinned",
            "Start again; if it stays so, something between you and its source changes it.",
        )
