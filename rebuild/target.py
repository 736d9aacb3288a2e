"""How far a rebuild goes, and when there is none. Pure."""

from __future__ import annotations

from pipeline.conflicts import differs
from pipeline.errors import Refusal
from pipeline.kafka.feed import Log
from pipeline.marker import BEFORE_FIRST, Marker

NEW_EPOCH = "Run `pipeline rebuild --new-epoch` with all workers stopped"


def of_this_epoch(
    live: Marker | None, log: Log, known_id: str | None, partitions: int
) -> Marker | None:
    """The live marker, if it says something of the log as it is now; an older epoch's says nothing.

    `known_id` is the topic id of the epoch that the log in Parquet, or the last boundary between
    epochs, is of. Raises Refusal where a new epoch has to begin first.
    """
    refuse_made_again(log, known_id)
    if live is None:
        return None
    if live.topic_id != log.topic_id:
        if known_id is None:
            raise Refusal(f"{log.topic} was made again since the state was made of it", NEW_EPOCH)
        return None
    if differs(live.partitions, partitions):
        raise Refusal(
            f"{log.topic} had {live.partitions} partitions when the state was made of it, "
            f"now {partitions}",
            NEW_EPOCH,
        )
    if live.offset >= log.end:
        raise Refusal(
            f"{log.topic}, partition {log.partition}, ends at {log.end}, "
            f"but offset {live.offset} was applied",
            NEW_EPOCH,
        )
    return live


def refuse_made_again(log: Log, known_id: str | None) -> None:
    """Raise Refusal where what is known of a topic is of another one of that name."""
    if known_id not in (None, log.topic_id):
        raise Refusal(f"{log.topic} was made again since it was logged", NEW_EPOCH)


def fold_up_to(marker: Marker | None, log: Log, logged_to: int) -> int:
    """The last offset to fold without outputs; the worker goes on behind it.

    That is what the marker has applied, or else what Kafka no longer holds; but only as far as
    Parquet goes, if Kafka holds the rest. Raises Refusal where neither of them does.
    """
    if logged_to >= log.end:
        raise Refusal(
            f"{log.topic}, partition {log.partition}, ends at {log.end}, "
            f"but offset {logged_to} was logged",
            NEW_EPOCH,
        )
    applied = BEFORE_FIRST if marker is None else marker.offset
    target = min(max(applied, log.start - 1), logged_to)
    if target + 1 < log.start:
        raise Refusal(
            f"offsets {target + 1} to {log.start - 1} of {log.topic}, partition {log.partition}, "
            "are neither in Parquet nor in Kafka",
            "Put back the Parquet files that were moved away",
        )
    return target
