"""A case without a model has nothing to serve."""

from __future__ import annotations

import os
import subprocess
import sys

from pipeline.exit_codes import ExitCode


def test_serving_refuses_a_case_without_a_model() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "serving"],
        env={**os.environ, "PIPELINE_USE_CASE": "player_activity"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == ExitCode.REFUSED
    assert "player_activity has no model" in ended.stdout + ended.stderr
