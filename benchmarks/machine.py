"""On what it was measured, without a host's name or a path."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

_LIBRARIES = (
    "aiokafka",
    "faust-streaming",
    "onnxruntime",
    "orjson",
    "pandas",
    "pyarrow",
    "redis",
    "scikit-learn",
)


def machine() -> dict[str, str]:
    """Processor, memory, system and versions, as text."""
    return {
        "processor": _field(Path("/proc/cpuinfo"), "model name"),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{int(_field(Path('/proc/meminfo'), 'MemTotal').split()[0]) / 2**20:.0f} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
    }


def load() -> float:
    """How many processes wanted a core in the last minute, on average."""
    return os.getloadavg()[0]


def _field(path: Path, wanted: str) -> str:
    for line in path.read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == wanted:
            return value.strip()
    return "unknown"
