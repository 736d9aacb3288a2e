"""The pipeline as `pipeline up` runs it, on servers of its own, and commands beside it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from embedded.tether import tethered
from pipeline.exit_codes import ExitCode
from tests.support.kafka import eventually

ROOT = Path(__file__).parents[2]
CASE = "first_day_churn"

_PRECISION = """
SELECT count(*), avg(u.label)
FROM read_parquet($inferences) i
JOIN read_parquet($events) u ON u.user_id = i.user_id AND u.event_type = 'registration'
WHERE NOT i.replayed AND NOT u.replayed
  AND i.version = $version AND i.decision = 'churn'
  AND u.event_time >= $since::TIMESTAMPTZ AND u.event_time < $until::TIMESTAMPTZ
"""


@dataclass(frozen=True, slots=True)
class Live:
    """A folder with models of its own, in which a pipeline is run."""

    directory: Path

    @classmethod
    def in_(cls, directory: Path) -> Live:
        """With the shipped version as its only one."""
        shutil.copytree(ROOT / "models" / CASE / "1", directory / "models" / CASE / "1")
        return cls(directory)

    @contextmanager
    def up(self) -> Iterator[None]:
        """Kafka, Redis and the workers of all stages, for as long as the block."""
        command = self._command("up", "--workers", "api=0")
        with (self.directory / "up.log").open("wb") as log:
            process = tethered(command, env=self._environ, stdout=log, cwd=self.directory)
        try:
            eventually(lambda: self._works(process), 120)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)

    def run(self, *arguments: str) -> str:
        """What a command prints; fails unless it ends with 0."""
        return _words(self._ended(*arguments))

    def feed(self, *options: str) -> None:
        """Send a world, and wait for all its effects."""
        self.run("generate", *options)
        eventually(self._has_caught_up, 300)

    def serves(self, version: str) -> bool:
        """Whether the worker says that this version is in service."""
        return bool(self._status().get("model") == f"{CASE} {version}")

    def precision(self, version: str, since: str = "-infinity", until: str = "infinity") -> float:
        """Of the scores by a version that said churn, the share whose users did.

        Of users who registered from `since` to before `until`; from the log alone.
        """
        log = self.directory / "data" / CASE
        asked = {
            "inferences": f"{log}/inferences/date=*/*.parquet",
            "events": f"{log}/incoming-events/date=*/*.parquet",
            "version": version,
            "since": since,
            "until": until,
        }
        found = duckdb.connect().execute(_PRECISION, asked).fetchone()
        assert found is not None
        count, precision = found
        assert count > 1_000
        return float(precision)

    def _works(self, process: subprocess.Popen[bytes]) -> bool:
        said = (self.directory / "up.log").read_text()
        assert process.poll() is None, said
        return "inference_logger" in said

    def _has_caught_up(self) -> bool:
        stages = self._status().get("stages", [])
        return bool(stages) and not any(sum(stage["lags"]) for stage in stages)

    def _status(self) -> dict[str, Any]:
        """What is known; nothing while Kafka is too busy to say."""
        ended = self._ended("status", "--json")
        if ended.returncode == ExitCode.UNREACHABLE:
            return {}
        status: dict[str, Any] = json.loads(_words(ended))
        return status

    def _ended(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(*arguments),
            cwd=self.directory,
            env=self._environ,
            capture_output=True,
            text=True,
            check=False,
        )

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "cli", *arguments]

    @property
    def _environ(self) -> dict[str, str]:
        """This process's, without what it says of another pipeline."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name == "PIPELINE_CACHE" or not name.startswith("PIPELINE_")
        }
        return {
            **kept,
            "PYTHONPATH": str(ROOT),
            "PIPELINE_DATA": str(self.directory / "data"),
            "PIPELINE_MODELS": str(self.directory / "models"),
            "PIPELINE_LOGGER_SECONDS": "1",
            "PIPELINE_PARTITIONS": "4",
        }


def _words(ended: subprocess.CompletedProcess[str]) -> str:
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout
