"""What a commit of the handler's group says beside its offset: paused, or let through. Pure.

The group's commits are the one place that survives a restart and a rebalance, and that the command
line sees. It cannot write there while the group has members; its answer stands in a second group.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from event_handler.core import STAGE
from pipeline.declaration import UseCase
from pipeline.topics import group_of


@dataclass(frozen=True, slots=True)
class Pause:
    """Not read on since `at` (microseconds), when `share` of a minute's records were rejected."""

    at: int
    share: float


@dataclass(frozen=True, slots=True)
class LetThrough:
    """A person has let pass whatever stands before the offset `before`: it makes no flood."""

    before: int


Note = Pause | LetThrough

_KINDS: dict[str, type[Pause | LetThrough]] = {"paused": Pause, "let_through": LetThrough}


def encode(note: Note | None) -> str:
    """As the text that is committed; no note is the empty text."""
    return next(
        (json.dumps({name: asdict(note)}) for name, kind in _KINDS.items() if type(note) is kind),
        "",
    )


def decode(text: str) -> Note | None:
    """The inverse of `encode`; None for a text that is not ours."""
    try:
        ((name, content),) = json.loads(text).items()
        return _KINDS[name](**content)
    except (ValueError, AttributeError, KeyError, TypeError):
        return None


def resume_group(case: UseCase) -> str:
    """The group that has no members, and whose commits say which pauses are over.

    For each partition the offset up to which all is let through; the note is the pause's `at`.
    """
    return f"{group_of(case, STAGE)}-resume"
