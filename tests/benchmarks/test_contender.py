from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

from benchmarks.contender import Contender, Failed, measure


def contender(
    code: str, done: Iterator[int], *, check: list[str], flushes_at_its_end: bool = False
) -> Contender:
    return Contender(
        name="one",
        argv=(sys.executable, "-c", code),
        environ=dict(os.environ),
        records=100,
        effects=100,
        clear=lambda: check.append("cleared"),
        done=lambda: next(done),
        check=lambda: check.append("checked"),
        flushes_at_its_end=flushes_at_its_end,
    )


def test_a_worker_is_measured_until_its_last_effect_and_then_ended(tmp_path: Path) -> None:
    called: list[str] = []
    half, worked = tmp_path / "half", tmp_path / "worked"

    def done() -> Iterator[int]:
        yield from (0, 50)
        half.touch()
        while not worked.exists():
            yield 50
        yield 100

    code = f"""
import pathlib, time
while not pathlib.Path({str(half)!r}).exists(): time.sleep(0.01)
until = time.process_time() + 0.1
while time.process_time() < until: pass
pathlib.Path({str(worked)!r}).touch()
while True: time.sleep(1)
"""
    found = measure(contender(code, done(), check=called), tmp_path / "one.log")

    assert 0 < found.seconds < 30
    assert found.resident_at_end > 0
    assert called == ["cleared", "checked"]


def test_a_worker_that_ends_too_early_fails_with_what_it_printed(tmp_path: Path) -> None:
    one = contender("print('no such topic')", chain((0,), repeat(1)), check=[])

    with pytest.raises(Failed, match="no such topic"):
        measure(one, tmp_path / "one.log")


def test_what_flushes_at_its_end_is_measured_until_it_has_ended(tmp_path: Path) -> None:
    told = tmp_path / "told"

    def done() -> Iterator[int]:
        yield from (0, 10, 20)
        told.touch()
        yield from repeat(20)

    code = f"import os, time\nwhile not os.path.exists({str(told)!r}): time.sleep(0.01)"
    one = contender(code, done(), check=[], flushes_at_its_end=True)

    found = measure(one, tmp_path / "one.log")

    assert found.rate * found.seconds == pytest.approx(90)
