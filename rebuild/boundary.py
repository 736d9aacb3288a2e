"""Where an epoch ends: what a topic was when it was logged, and what it is now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.errors import Refusal
from pipeline.origin import Highest, Source


class Cause(StrEnum):
    """Why a topic needs a new epoch."""

    MADE_AGAIN = "was made again"
    REPARTITIONED = "has another number of partitions"
    APART = "does not go on where its log in Parquet ends"


@dataclass(frozen=True, slots=True)
class Now:
    """A topic as Kafka has it: the first offset that is there and the next, by partition."""

    topic_id: str
    starts: Mapping[int, int]
    ends: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Known:
    """A topic as its log, or a state made of it, has it: the next offset of each partition."""

    topic_id: str | None = None
    next_offsets: Mapping[int, int] = field(default_factory=dict)


def cause_of(now: Now, known: Known, before: int, partitions: int) -> Cause | None:
    """Why the topic needs a new epoch; it had so many partitions before, and has so many now."""
    if known.topic_id not in (None, now.topic_id):
        return Cause.MADE_AGAIN
    if before != partitions:
        return Cause.REPARTITIONED
    return Cause.APART if apart(now, known) else None


def apart(now: Now, known: Known) -> list[int]:
    """The partitions that end before the next offset of the log, or begin above it."""
    return [
        number
        for number, offset in sorted(known.next_offsets.items())
        if not now.starts.get(number, 0) <= offset <= now.ends.get(number, 0)
    ]


def refuse_unless_logged(topic: str, now: Now, logged: Known, starts: Mapping[int, int]) -> None:
    """Raise Refusal where Kafka still holds what the logger has not written.

    `starts` are the first offsets of the epoch that ends.
    """
    for number, end in now.ends.items():
        logged_to = logged.next_offsets.get(number, starts.get(number, 0))
        if end > logged_to:
            raise Refusal(
                f"offsets {logged_to} to {end - 1} of {topic}, partition {number}, are not in "
                "Parquet yet",
                "Start inference_logger alone, until its lag is 0, stop it, and try again",
            )


def refuse_mixed(
    highest: Iterable[Highest],
    commits: Mapping[Source, tuple[int, int]],
    before: int,
    partitions: int,
) -> None:
    """Raise Refusal where the handler has begun what it has not committed, and partitions mix.

    `commits` are its (incarnation, next offset) by the partitions of its sources. Where a new
    partition takes in entities of several old ones, the highest origin of one of them would hide
    what the handler has yet to write for the others.
    """
    if partitions % before == 0:
        return
    for one in highest:
        for source, (incarnation, offset, _) in one.places.items():
            if source in commits and (incarnation, offset) >= commits[source]:
                raise Refusal(
                    f"event_handler ended in the middle of its work, and {partitions} partitions "
                    f"mix what {before} kept apart",
                    f"Give our topics a multiple of {before} partitions",
                )


def unfolded(topic: str, logged_to: Mapping[int, int], applied: Mapping[int, int]) -> list[str]:
    """What is folded into features though no worker asked for its scores.

    Both are next offsets: of the log in the partitions that have a new epoch, and of the markers.
    """
    if not applied:
        return [f"no marker says how much of {topic} was asked scores for; nothing is asked again"]
    return [
        f"{end - applied.get(number, 0):,} records of {topic}, partition {number}, were read by no "
        "worker: they are folded, and never scored"
        for number, end in sorted(logged_to.items())
        if end > applied.get(number, 0)
    ]


def unlogged(topic: str, now: Now, logged_to: Mapping[int, int]) -> list[str]:
    """What Kafka has deleted before it was logged."""
    return [
        f"offsets {offset} to {now.starts[number] - 1} of {topic}, partition {number}, "
        "were deleted before they were logged: what they changed will not be in the state"
        for number, offset in sorted(logged_to.items())
        if offset < now.starts.get(number, 0)
    ]


def unscored(topic: str, now: Now, applied: Mapping[int, int]) -> list[str]:
    """What is cut off of the requests though it has no score."""
    return [
        f"{end - max(applied.get(number, 0), now.starts.get(number, 0)):,} records of {topic}, "
        f"partition {number}, were not scored, and never will be"
        for number, end in sorted(now.ends.items())
        if end > max(applied.get(number, 0), now.starts.get(number, 0))
    ]
