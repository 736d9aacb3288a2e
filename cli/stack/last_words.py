"""Why a process ended, in one line, out of the end of its log."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

_TAIL_BYTES = 8_192
_WIDTH = 300


def last_words(log: Path) -> str:
    """The last line of a log that says anything; of a JSON line its event and its error."""
    lines = [line.strip() for line in _tail(log).splitlines()]
    return _plain(next((line for line in reversed(lines) if line), ""))[:_WIDTH]


def last_kind(log: Path) -> str:
    """The kind of error by which a worker says it stopped last; empty where it says none."""
    for line in reversed(_tail(log).splitlines()):
        entry = _entry(line)
        if entry.get("event") == "stopped":
            return str(entry.get("kind", ""))
    return ""


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def _plain(line: str) -> str:
    entry = _entry(line)
    if "event" not in entry:
        return line
    error = str(entry.get("error") or entry.get("exception") or "").strip()
    return f"{entry['event']}: {error.splitlines()[-1]}" if error else str(entry["event"])


def _entry(line: str) -> dict[str, Any]:
    """What a line of JSON says; nothing where it is none."""
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
