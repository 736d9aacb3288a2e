"""How much memory the workers have ever held, and that it does not grow with their lag."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tests.faults.crew import Crew
from tests.faults.findings import Verdict

MOST_MIB = 100
"""By how much a worker's peak may be higher than it was before the fault."""


def peaks(crew: Crew) -> dict[str, int]:
    """The most memory that each worker has ever held, in MiB."""
    return {
        name: peak(worker.process.pid) for name, worker in crew.workers.items() if worker.process
    }


def peak(pid: int) -> int:
    """Of one process, in MiB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) // 1024 if found else 0


def bounded(before: Mapping[str, int], after: Mapping[str, int]) -> Verdict:
    """Whether no worker has grown by much."""
    grown = {name: after[name] - held for name, held in before.items()}
    problems = [f"{name} grew by {more} MiB" for name, more in grown.items() if more > MOST_MIB]
    return Verdict.of("memory bounded", len(grown), problems)
