"""Keys and what each may do; only the hash of a key is kept.

A key is 32 random bytes, so that one SHA-256 is as good as a slow hash. The file is a JSON list.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from pipeline.disk import write_whole
from pipeline.errors import SettingsError

Scope = Literal["predict", "events", "admin"]
"""`predict`: scores and features; `events`: sending events; `admin`: both, and all else."""

_KEY_BYTES = 32


class Key(msgspec.Struct, frozen=True):
    """What is kept of a key; `sha256` is 64 hex digits."""

    name: str
    scopes: tuple[Scope, ...]
    sha256: str

    def may(self, scope: Scope) -> bool:
        """Whether it opens what needs `scope`."""
        return scope in self.scopes or "admin" in self.scopes


class KeyRing:
    """All keys that are good now; several of one caller while it changes from one to the next."""

    def __init__(self, keys: Sequence[Key] = ()) -> None:
        self._keys = tuple(keys)

    def find(self, secret: bytes) -> Key | None:
        """The key of this secret; takes the same time whichever it is."""
        digest = hashlib.sha256(secret).hexdigest()
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.sha256, digest):
                found = key
        return found


def new_key(name: str, scopes: Sequence[Scope]) -> tuple[str, Key]:
    """A new secret, and what is kept of it."""
    secret = secrets.token_urlsafe(_KEY_BYTES)
    return secret, Key(name, tuple(scopes), hashlib.sha256(secret.encode()).hexdigest())


def read_keys(path: Path) -> list[Key]:
    """The keys in a file. Raises SettingsError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Key])
    except OSError as error:
        raise SettingsError(
            f"the file of keys {path} cannot be read: {error.strerror}",
            f"Make it with: pipeline keys add NAME --file {path}",
        ) from error
    except msgspec.DecodeError:
        raise SettingsError(
            f"{path} is no list of keys", f"Make it with: pipeline keys add NAME --file {path}"
        ) from None


def write_keys(path: Path, keys: Sequence[Key]) -> None:
    """Write the file, whole or not at all. Raises OSError."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(keys), indent=2) + b"\n")
