"""How far a partition is in the log, as its position file and the footer of its last file say."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pipeline.parquet import Footer, Origins, decode_origins, encode_origins


@dataclass(frozen=True, slots=True)
class Position:
    """`next_offset` is the first one that is in no file; `origins` the highest before it."""

    topic_id: str
    next_offset: int
    origins: Origins

    @classmethod
    def after(cls, footer: Footer) -> Position:
        """The position once the file of this footer is published."""
        return cls(footer.topic_id, footer.last + 1, footer.origins)

    def encode(self) -> str:
        """The content of a position file."""
        return json.dumps(
            {
                "topic_id": self.topic_id,
                "next_offset": self.next_offset,
                "origins": encode_origins(self.origins),
            }
        )

    @classmethod
    def decode(cls, text: str) -> Position:
        """The inverse of `encode`. Raises ValueError or KeyError."""
        fields = json.loads(text)
        return cls(fields["topic_id"], fields["next_offset"], decode_origins(fields["origins"]))


def later(one: Position | None, other: Position | None) -> Position | None:
    """The one with the higher offset.

    A position file outlives archived Parquet; the last file is newer than its position file where
    a worker died between the two.
    """
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda position: position.next_offset)
