"""Which partitions the handler has stopped reading in a flood, and how it is let go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from event_handler.core import STAGE
from event_handler.notes import Pause, decode, resume_group
from pipeline.declaration import UseCase
from pipeline.kafka.admin import Admin, Commit
from pipeline.times import format_time
from pipeline.topics import group_of

Partition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Paused:
    """A partition that is not read on from `offset`, until a person lets it."""

    offset: int
    pause: Pause


@dataclass(frozen=True, slots=True)
class PauseStatus:
    """The partitions of a topic that were paused at once: since when, and for what."""

    stage: str
    topic: str
    partitions: list[int]
    since: str
    rejected_share: float


def read_pauses(admin: Admin, case: UseCase) -> dict[Partition, Paused]:
    """All partitions that are paused, in their order. Blocks; raises InfrastructureError."""
    ended = admin.commits(resume_group(case))
    found = {}
    for place, commit in sorted(admin.commits(group_of(case, STAGE)).items()):
        note = decode(commit.note)
        pause = note.flood if note is not None else None
        if isinstance(pause, Pause) and not (place in ended and ended[place].note == str(pause.at)):
            found[place] = Paused(commit.offset, pause)
    return found


def let_go_on(admin: Admin, case: UseCase, paused: Mapping[Partition, Paused]) -> dict[str, int]:
    """End these pauses, and let through all that waits in the partitions now.

    Returns how many records that are, by topic. Blocks; raises InfrastructureError.
    """
    ends = admin.ends(list(paused))
    commits = {
        place: Commit(max(ends[place], one.offset), str(one.pause.at))
        for place, one in paused.items()
    }
    admin.commit(resume_group(case), commits)
    waiting: dict[str, int] = {}
    for (topic, number), one in paused.items():
        left = commits[(topic, number)].offset - one.offset
        waiting[topic] = waiting.get(topic, 0) + left
    return waiting


def by_pause(paused: Mapping[Partition, Paused]) -> list[PauseStatus]:
    """Partitions gathered by topic and pause."""
    gathered: dict[tuple[str, Pause], list[int]] = {}
    for (topic, number), one in paused.items():
        gathered.setdefault((topic, one.pause), []).append(number)
    return [
        PauseStatus(STAGE, topic, numbers, format_time(pause.at), round(pause.share, 3))
        for (topic, pause), numbers in gathered.items()
    ]
