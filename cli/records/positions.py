"""How far files were ingested, known by what was read of them and not by their names. Pure.

Each position is the SHA-256 of a file's bytes so far, and names the one before it, so that those of
a file are a chain, from its beginning to its end. What begins with the bytes of a position is the
same file, whatever it is called. A name serves only to notice that its file was changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from pipeline.errors import Fatal
from pipeline.records import InRecord, OutRecord


class Position(msgspec.Struct, frozen=True):
    """So many bytes and lines from the beginning of a file; `after` is the position before it."""

    sha256: str
    bytes: int
    lines: int
    after: str


BEGINNING = Position("", 0, 0, "")
_DECODER = msgspec.json.Decoder(Position)


@dataclass(frozen=True, slots=True)
class Noted:
    """A position that a file of this name (see `name_of`) has reached."""

    name: str
    position: Position

    @classmethod
    def of(cls, entry: InRecord) -> Noted:
        """What an entry of the ledger says. Raises Fatal for one that is not ours."""
        try:
            name, _, _ = (entry.key or b"").decode().partition("/")
            return cls(name, _DECODER.decode(entry.value or b""))
        except ValueError as error:
            raise Fatal(f"{entry.topic} holds what is no position, at {entry.offset}") from error

    def encode(self) -> OutRecord:
        """The entry of the ledger: it stands for ever, for its key is of the name and the bytes."""
        key = f"{self.name}/{self.position.sha256}"
        return OutRecord(key.encode(), msgspec.json.encode(self.position))


class Positions:
    """All that are noted, in their order."""

    def __init__(self, noted: Iterable[Noted]) -> None:
        self._last: dict[str, Position] = {}
        self._behind: dict[str, dict[str, Position]] = defaultdict(dict)
        for one in noted:
            self._last[one.name] = one.position
            self._behind[one.position.after][one.position.sha256] = one.position

    def last(self, name: str) -> Position | None:
        """The furthest position of a file of this name."""
        return self._last.get(name)

    def behind(self, position: Position) -> Sequence[Position]:
        """Those that come right after a position, the nearest first; several where files differ."""
        found = self._behind.get(position.sha256, {})
        return sorted(found.values(), key=lambda one: one.bytes)
