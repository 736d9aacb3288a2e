"""What the kernel says of a process, by its id."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_USER_TICKS, _SYSTEM_TICKS = 11, 12  # places in /proc/PID/stat behind the command's name


def cpu_seconds(pid: int) -> float:
    """Processor time that all its threads have used so far, in steps of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])) / _TICKS


def resident_bytes(pid: int) -> int:
    """The memory that it holds now; 0 for one that has ended."""
    return _memory(pid, "VmRSS")


def high_water_bytes(pid: int) -> int:
    """The most memory that it has held; 0 for one that has ended."""
    return _memory(pid, "VmHWM")


def _memory(pid: int, which: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == which:
            return int(value.split()[0]) * 1024
    return 0
