from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from embedded.ports import HOST, free_port
from mlflow_bridge.tracking import Tracking
from tests.mlflow_bridge.fake import FakeTracking
from tests.support.kafka import eventually

MLFLOW = Path(__file__).parents[2] / ".venv-mlflow" / "bin" / "mlflow"
START_SECONDS = 600  # it imports for long, and makes two databases
ADMIN = ("admin", "a-password-of-12345")


@dataclass(frozen=True, slots=True)
class TeamServer:
    """A running MLflow server, and who may do everything there."""

    address: str
    username: str
    password: str

    @property
    def environ(self) -> dict[str, str]:
        """What a client needs to come in."""
        return {
            "MLFLOW_TRACKING_URI": self.address,
            "MLFLOW_TRACKING_USERNAME": self.username,
            "MLFLOW_TRACKING_PASSWORD": self.password,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        }


@pytest.fixture(scope="session")
def team_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TeamServer]:
    """MLflow on sqlite, with its basic authentication on."""
    if not MLFLOW.exists():
        pytest.skip("there is no MLflow server: make .venv-mlflow/.installed")
    home = tmp_path_factory.mktemp("mlflow")
    address = f"http://{HOST}:{(port := free_port())}"
    with (home / "log").open("wb") as log, _own_group(_command(home, port), home, log) as process:

        def is_up() -> bool:
            assert process.poll() is None, (home / "log").read_text()[-2000:]
            with contextlib.suppress(URLError, OSError), urlopen(f"{address}/health", timeout=5):
                return True
            return False

        eventually(is_up, START_SECONDS)
        yield TeamServer(address, *ADMIN)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.slow)])
def tracking(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Tracking:
    """The same is held of a fake and of a real server."""
    if request.param == "fake":
        return FakeTracking(tmp_path / "mlflow")
    server: TeamServer = request.getfixturevalue("team_server")
    for name, value in server.environ.items():
        monkeypatch.setenv(name, value)
    from mlflow_bridge.server import Server  # noqa: PLC0415 - it takes seconds, for slow tests only

    return Server()


def _command(home: Path, port: int) -> list[str]:
    options = {
        "host": HOST,
        "port": port,
        "workers": 1,
        "app-name": "basic-auth",
        "backend-store-uri": f"sqlite:///{home}/mlflow.db",
        "artifacts-destination": home / "artifacts",
    }
    return [str(MLFLOW), "server", *(f"--{name}={value}" for name, value in options.items())]


@contextlib.contextmanager
def _own_group(command: list[str], home: Path, log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """The server with all its workers; they are gone at the end."""
    config = home / "auth.ini"
    config.write_text(
        "[mlflow]\n"
        "default_permission = READ\n"
        f"database_uri = sqlite:///{home}/auth.db\n"
        f"admin_username = {ADMIN[0]}\n"
        f"admin_password = {ADMIN[1]}\n"
        "auth_cache_ttl_seconds = 60\n"  # else each request pays for a slow hash
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    environ = {
        "PATH": f"{MLFLOW.parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "MLFLOW_AUTH_CONFIG_PATH": str(config),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "for the tests",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with subprocess.Popen(
        command, cwd=home, env=environ, stdout=log, stderr=log, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)
