"""Kafka's jars: pinned in `kafka.lock`, downloaded from Maven Central by jgo.

`python -m embedded.kafka_jars` resolves the coordinates anew and rewrites the lock.
"""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedded.cache import cached
from embedded.checksum import sha256, verify
from pipeline.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VERSION = "4.4.0"
COORDINATES = (f"org.apache.kafka:kafka_2.13:{VERSION}", "org.slf4j:slf4j-simple:1.7.36")
LOCK = Path(__file__).with_name("kafka.lock")
AT_ONCE = 8
ATTEMPTS = 3
TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Pin:
    """One jar: its Maven coordinate `group:artifact:version` and the SHA-256 of its bytes."""

    coordinate: str
    sha256: str


def kafka_jars(cache: Path, say: Callable[[str], None]) -> Path:
    """The directory with all jars; downloads them (45 MB) the first time."""

    def fill(directory: Path) -> None:
        say(f"Downloading Kafka {VERSION} (45 MB, the first time only) ...")
        download(read_lock(LOCK), directory)

    return cached(cache, f"kafka-{VERSION}-{sha256(LOCK)[:8]}", fill)


def read_lock(path: Path) -> list[Pin]:
    """The pins of a lock file: a coordinate and a checksum per line."""
    return [Pin(*line.split()) for line in path.read_text().splitlines()]


def download(pins: list[Pin], directory: Path) -> None:
    """Put every pinned jar into `directory`. Raises Refusal if one cannot be had as pinned."""
    with _system_certificates(), ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(partial(_download, directory), pins):
            pass


def _download(directory: Path, pin: Pin) -> None:
    for _ in range(ATTEMPTS):
        # A new repository each time: jgo would take what a broken download left for the jar.
        with tempfile.TemporaryDirectory() as repository:
            try:
                jar = _maven(Path(repository)).create_dependency(pin.coordinate).artifact.resolve()
            except (OSError, RuntimeError) as error:  # requests' are OSErrors, jgo's RuntimeErrors
                failure = _error_name(error)
                continue
            verify(jar, pin.sha256)
            shutil.move(jar, directory / jar.name)
            return
    raise Refusal(
        f"Kafka could not be downloaded from Maven Central ({failure} at {pin.coordinate})",
        "The first start needs the network (HTTPS_PROXY is respected); later ones do not.",
    )


def _error_name(error: Exception) -> str:
    """What the system says of an error (a full disk), else its kind (requests' texts are long)."""
    return getattr(error, "strerror", None) or type(error).__name__


def _maven(repository: Path) -> Any:
    """A Maven context over a repository of our own, that asks Maven Central only."""
    from jgo.maven import MavenContext  # noqa: PLC0415 - an optional extra, for a download only

    return MavenContext(repo_cache=repository, timeout=TIMEOUT_SECONDS)


@contextmanager
def _system_certificates() -> Iterator[None]:
    """Trust what the operating system trusts: certifi does not know a company's own proxy."""
    try:
        import truststore  # noqa: PLC0415 - an optional extra, for a download only
    except ImportError:
        raise Refusal(
            "The packages that download the embedded Kafka are not installed",
            "`pip install 'feature-stream[embedded]'` brings them.",
        ) from None
    truststore.inject_into_ssl()
    try:
        yield
    finally:
        truststore.extract_from_ssl()


def resolve(directory: Path) -> Iterator[Pin]:
    """All jars that the coordinates need to run, in the order of their coordinates."""
    context = _maven(directory)
    wanted = [context.create_dependency(coordinate) for coordinate in COORDINATES]
    inputs, transitive = context.resolver.resolve(wanted)
    running = [d for d in transitive if d.scope in ("compile", "runtime")]
    for d in sorted([*inputs, *running], key=lambda d: (d.groupId, d.artifactId)):
        yield Pin(f"{d.groupId}:{d.artifactId}:{d.version}", sha256(d.artifact.resolve()))


if __name__ == "__main__":
    with _system_certificates(), tempfile.TemporaryDirectory() as scratch:
        found = [f"{pin.coordinate} {pin.sha256}\n" for pin in resolve(Path(scratch))]
    LOCK.write_text("".join(found))
