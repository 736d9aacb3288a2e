"""Large tables of customers through our server: how long they take, and how its memory fares."""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from benchmarks.contender import Failed
from benchmarks.findings import Measure
from benchmarks.http.filling import fill_customers
from benchmarks.process import high_water_bytes
from embedded.server import Server

_ROWS, _MORE = 100_000, 300_000
_MOST_SECONDS = 60.0
_MOST_MIB = 16.0
_WAIT_SECONDS = 300.0
_MIB = 2**20


def measure_tables(ours: Server, directory: Path) -> tuple[Measure, ...]:
    """Seconds for 100,000 rows, and how much more memory three times as many take."""
    seconds = _sent(ours, directory, _ROWS)
    before = high_water_bytes(ours.process.pid)
    _sent(ours, directory, _MORE)
    more = (high_water_bytes(ours.process.pid) - before) / _MIB
    return (
        Measure(f"CSV of {_ROWS:,} customers, answered", "s", (seconds,), _MOST_SECONDS),
        Measure(f"most memory with {_MORE:,}, above that", "MiB", (more,), _MOST_MIB),
    )


def _sent(ours: Server, directory: Path, rows: int) -> float:
    """Seconds from the first byte sent to the last one answered. Raises Failed."""
    path = directory / "customers.csv"
    fill_customers(path, rows)
    began, predictions = time.monotonic(), 0
    url = f"http://{ours.address}/v1/customerbatch"
    with (
        path.open("rb") as file,
        httpx.stream("POST", url, files={"file": file}, timeout=_WAIT_SECONDS) as answer,
    ):
        if not answer.is_success:
            raise Failed(f"a table of {rows:,} customers is answered with {answer.status_code}")
        for part in answer.iter_bytes():
            predictions += part.count(b'"row"')
    if abs(predictions - rows) > rows / 1_000:  # one may be cut in two by the parts
        raise Failed(f"{predictions:,} predictions of {rows:,} customers")
    return time.monotonic() - began
