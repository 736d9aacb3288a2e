"""Which version of a model is champion, and which one is tried as challenger.

`<models>/<use case>/aliases.json` says it, and nothing else does. Where there is no such file, here
or with the shipped models, the newest version is champion.
"""

from __future__ import annotations

import contextlib
import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from pipeline.disk import make_directory, sync_directory, write_whole
from pipeline.errors import Refusal
from pipeline.manifest import (
    homes_of,
    model_folder,
    newest_folder,
    readable_folder,
    versions_of,
)
from pipeline.shares import place_of
from pipeline.times import parse_time

ALIASES = "aliases.json"
_REMEMBERED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenger:
    """A version on trial since a moment (RFC 3339).

    It serves `share` of the users; with 0 it serves nobody, and its scores are only logged.
    """

    version: str
    since: str
    share: float = 0.0

    def __post_init__(self) -> None:
        _check_version(self.version)
        parse_time(self.since)
        if not 0 <= self.share < 1:
            raise ValueError("share is not from 0 to below 1")

    def takes(self, entity: str) -> bool:
        """Whether it serves this entity: in one trial always the same answer."""
        return place_of(entity, f"challenger {self.version}") < self.share


@dataclass(frozen=True, slots=True, kw_only=True)
class Aliases:
    """The champion, those before it (the last one is the latest), and the challenger."""

    champion: str
    before: tuple[str, ...] = ()
    challenger: Challenger | None = None

    def __post_init__(self) -> None:
        for version in (self.champion, *self.before):
            _check_version(version)
        if self.challenger and self.challenger.version == self.champion:
            raise ValueError("the challenger is the champion")

    def promoted(self, version: str) -> Aliases:
        """`version` is champion, and no trial goes on: it was one against another champion."""
        before = (*self.before, self.champion)[-_REMEMBERED:]
        return Aliases(champion=version, before=before)

    def rolled_back(self) -> Aliases:
        """The champion before is champion again. Raises Refusal where there was none."""
        if not self.before:
            raise Refusal(
                f"no version was champion before {self.champion}",
                "Name one: pipeline model promote VERSION",
            )
        return Aliases(champion=self.before[-1], before=self.before[:-1])

    def challenged(self, challenger: Challenger) -> Aliases:
        """`challenger` is on trial."""
        return replace(self, challenger=challenger)

    def withdrawn(self) -> Aliases:
        """No version is on trial."""
        return replace(self, challenger=None)


def named_aliases(models: Path, use_case: str) -> Aliases | None:
    """What the file says; None where there is none. Raises Refusal where it is malformed."""
    for home in homes_of(models, use_case):
        with contextlib.suppress(FileNotFoundError):
            return _read(home / ALIASES)
    return None


def _read(path: Path) -> Aliases:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Aliases)
    except FileNotFoundError:
        raise
    except (OSError, msgspec.DecodeError) as error:  # a ValueError of ours comes as the latter
        raise Refusal(
            f"{path} cannot be used: {error}",
            "Restore it, or remove it: then the newest version is champion",
        ) from None


def aliases_of(models: Path, use_case: str) -> Aliases:
    """Who is what. Raises Refusal where there is no version, or the file is malformed."""
    named = named_aliases(models, use_case)
    return named or Aliases(champion=newest_folder(models, use_case).name)


def write_aliases(models: Path, use_case: str, aliases: Aliases) -> None:
    """Put `aliases` in force, at once and as a whole; workers follow within seconds.

    What they name of the shipped versions is copied before: it must not change, or be gone, with
    another release.
    """
    trial = aliases.challenger
    for version in (aliases.champion, *aliases.before, *([trial.version] if trial else [])):
        _keep(models, use_case, version)
    content = msgspec.json.format(msgspec.json.encode(aliases), indent=2) + b"\n"
    write_whole(models / use_case / ALIASES, content)


def _keep(models: Path, use_case: str, version: str) -> None:
    """Have a version among the user's own, if it is only a shipped one; whole or not at all."""
    lies, own = readable_folder(models, use_case, version), model_folder(models, use_case, version)
    if lies == own:
        return
    make_directory(own.parent)
    with tempfile.TemporaryDirectory(dir=own.parent, prefix=".keep-") as scratch:
        copy = Path(scratch) / version
        copy.mkdir()
        for path in lies.iterdir():
            write_whole(copy / path.name, path.read_bytes())
        copy.rename(own)
    sync_directory(own.parent)


def keep_champion(models: Path, use_case: str) -> None:
    """Name the champion, if there is one: else a newer version would be it by being there.

    Raises Refusal where another command is changing the aliases.
    """
    if versions_of(models, use_case):
        with changing(models, use_case):
            write_aliases(models, use_case, aliases_of(models, use_case))


def changing(models: Path, use_case: str) -> AbstractContextManager[None]:
    """Be the only one who changes the aliases of a use case. Raises Refusal where another does."""
    problem = f"another command is changing the models of {use_case}"
    return _alone(models / use_case / ".lock", problem)


def retraining(models: Path, use_case: str) -> AbstractContextManager[None]:
    """Be the only one who retrains a use case; others may change its aliases meanwhile.

    Raises Refusal where another does.
    """
    return _alone(models / use_case / ".retraining.lock", f"{use_case} is being retrained already")


@contextlib.contextmanager
def _alone(path: Path, problem: str) -> Iterator[None]:
    make_directory(path.parent)
    with path.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal(problem, "Wait for it to end") from None
        yield


def _check_version(version: str) -> None:
    if not version.isdecimal():
        raise ValueError(f"{version!r} is no version, which is a whole number")
