"""The two servers, each one process, on free ports of this machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx

from benchmarks.contender import ROOT, module
from benchmarks.http.filling import fill_tables, fill_users
from benchmarks.site import Site
from embedded.ports import HOST, free_port
from embedded.redis import start_redis
from embedded.server import Server
from embedded.tether import tethered
from pipeline.errors import Refusal
from pipeline.settings import read_settings

PYTHON = ROOT / ".venv-flask" / "bin" / "python"
_PACKAGE = "benchmarks.http.flask_server"


@contextmanager
def servers(site: Site, directory: Path, user: str) -> Iterator[tuple[Server, Server]]:
    """Ours and the Flask server, ready, with users in one Redis. Raises Refusal without Flask.

    Each is ready when it gives the score of `user`. Main thread only.
    """
    if not PYTHON.exists():
        raise Refusal("Flask is not installed", "Run `make bench-http`")
    redis = start_redis(site.software.redis_server, directory, directory / "redis.log")
    running = [redis]
    try:
        redis.wait_until_ready()
        environ = _environ(redis.url)
        fill_users(read_settings(environ))
        fill_tables(directory)
        running += [_ours(environ, directory, user), _flask(environ, directory, user)]
        for server in running:
            server.wait_until_ready()
        yield running[1], running[2]
    finally:
        for server in reversed(running):
            server.stop()


def _environ(redis: str) -> dict[str, str]:
    """What both see: no setting of ours from outside, so that the defaults are run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIPELINE_")}
    return {**kept, "PIPELINE_REDIS": redis, "PIPELINE_LOG_LEVEL": "warning"}


def _ours(environ: Mapping[str, str], directory: Path, user: str) -> Server:
    """As it is shipped, with its default settings."""
    port = free_port()
    argv = module("cli", "api", "--host", HOST, "--port", str(port))
    return _started("ours", argv, environ, directory, port, user)


def _flask(environ: Mapping[str, str], directory: Path, user: str) -> Server:
    """Behind gunicorn with one worker of its default kind."""
    told = {**environ, "MODELS": str(directory), "REDIS": environ["PIPELINE_REDIS"]}
    learn = [str(PYTHON), "-m", f"{_PACKAGE}.learn", str(directory)]
    subprocess.run(learn, env=told, cwd=ROOT, check=True)
    port = free_port()
    bind = f"--bind={HOST}:{port}"
    argv = (str(PYTHON), "-m", "gunicorn", "--workers=1", bind, f"{_PACKAGE}.scores:app")
    return _started("Flask", argv, told, directory, port, user)


def _started(
    name: str,
    argv: Sequence[str],
    environ: Mapping[str, str],
    directory: Path,
    port: int,
    user: str,
) -> Server:
    log = directory / f"{name}.log"
    with log.open("wb") as out:
        process = tethered(argv, env=environ, stdout=out, cwd=ROOT)
    url = f"http://{HOST}:{port}/users/{user}"
    return Server(name, f"{HOST}:{port}", log, process, partial(_answers, url))


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False
