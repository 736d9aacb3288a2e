"""What a commit of the handler's group says beside its offset. Pure.

The offset is one of a topic id, under a name that another topic may have by now: both the id and
the incarnation stand beside it. A pause stands there too. The group's commits are the one place
that survives a restart and a rebalance, and that the command line sees. It cannot write there while
the group has members; its answer stands in a second group.
"""

from __future__ import annotations

import msgspec

from event_handler.core import STAGE
from pipeline.declaration import UseCase
from pipeline.topics import group_of


class Pause(msgspec.Struct, frozen=True, tag="paused"):
    """Not read on since `at` (microseconds), when `share` of a minute's records were rejected."""

    at: int
    share: float


class LetThrough(msgspec.Struct, frozen=True, tag="let_through"):
    """A person has let pass whatever stands before the offset `before`: it makes no flood."""

    before: int


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of which topic the offset is, as the handler commits it; and whether it is paused."""

    topic_id: str
    incarnation: int
    flood: Pause | LetThrough | None = None


_decode = msgspec.json.Decoder(Note).decode


def encode(note: Note) -> str:
    """As the text that is committed."""
    return msgspec.json.encode(note).decode()


def decode(text: str) -> Note | None:
    """The inverse of `encode`; None for a text that is not ours, as of an offset that was set."""
    try:
        return _decode(text)
    except msgspec.MsgspecError:
        return None


def resume_group(case: UseCase) -> str:
    """The group that has no members, and whose commits say which pauses are over.

    For each partition the offset up to which all is let through; the note is the pause's `at`.
    """
    return f"{group_of(case, STAGE)}-resume"
