from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.settings import LoggerSettings
from tests.inference_logger.rig import INCOMING, Rig, bets, offsets_of
from tests.support.logger_steps import STEPS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("point", STEPS)
def test_a_worker_that_is_killed_leaves_a_whole_log(tmp_path: Path, point: str) -> None:
    died = subprocess.run(
        [sys.executable, "-m", "tests.inference_logger.die", str(tmp_path), f"{point}=exit:2"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert died.returncode == 137
    asyncio.run(Rig.on(tmp_path, {0: bets(40)}, limits=LoggerSettings(rows=10)).run())
    assert offsets_of(tmp_path) == list(range(40))
    assert not any((tmp_path / INCOMING / "_temporary").iterdir())
