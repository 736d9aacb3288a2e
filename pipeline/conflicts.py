"""What a marker that is not the one believed in means. Pure."""

from __future__ import annotations

from pipeline.errors import Refusal
from pipeline.kafka.positions import Log, refuse_outside
from pipeline.marker import Marker
from pipeline.store.store import Conflict

NEW_EPOCH = "Run `pipeline rebuild --new-epoch` with all workers stopped"
ANY_NUMBER = 0
"""A number of partitions that a marker does not say, or nobody asks for."""


def same(actual: Marker | None, believed: Marker | None) -> bool:
    """Whether the marker that is there is the one that a worker believes in."""
    if actual is None or believed is None:
        return actual is believed
    return actual.identity == believed.identity


def differs(partitions: int, others: int) -> bool:
    """Whether two numbers of partitions are both known, and not the same."""
    return ANY_NUMBER not in {partitions, others} and partitions != others


def is_ours(conflict: Conflict, wrote: Marker) -> bool:
    """A write whose answer was lost had succeeded."""
    return conflict.actual is not None and conflict.actual.identity == wrote.identity


def is_higher(actual: Marker | None, believed: Marker) -> bool:
    """No marker counts as lower, another generation as higher."""
    if actual is None:
        return False
    return actual.generation != believed.generation or actual.offset > believed.offset


def refuse_unless_whole(place: Log) -> None:
    """Raise Refusal where there is no marker and the log has lost its first records."""
    if place.start > 0:
        raise Refusal(
            f"partition {place.partition} has no marker in Redis and {place.topic} no longer "
            f"holds its first {place.start} records",
            "Run `pipeline rebuild` to build the state from Parquet",
        )


def refuse_another_log(
    marker: Marker, place: Log, fingerprint: str, partitions: int = ANY_NUMBER
) -> None:
    """Raise Refusal where the marker is of another topic, placing of entities or declaration."""
    if marker.topic_id != place.topic_id:
        raise Refusal(
            f"the state of partition {place.partition} comes from another topic {place.topic} "
            "that had the same name",
            NEW_EPOCH,
        )
    if differs(marker.partitions, partitions):
        raise Refusal(
            f"the state of partition {place.partition} was made with {marker.partitions} "
            f"partitions, now there are {partitions}",
            NEW_EPOCH,
        )
    if marker.is_fenced:
        raise Refusal(
            f"the state of partition {place.partition} is being handed over to another declaration "
            f"({marker.fingerprint}, ours is {fingerprint})",
            "Start workers with the new declaration once `pipeline backfill` has ended; if it was "
            "killed, run it again",
        )
    if marker.fingerprint != fingerprint:
        raise Refusal(
            f"the state of partition {place.partition} was made by another declaration "
            f"({marker.fingerprint}, now {fingerprint})",
            "If ours is the older one, deploy the newer; else run `pipeline backfill` for a new "
            "aggregation, `pipeline rebuild` for any other change, or put the declaration back",
        )


def refuse_lost(marker: Marker, place: Log) -> None:
    """Raise Refusal where the log does not go on at the marker."""
    behind = marker.offset + 1 < place.start
    refuse_outside(place, marker.offset + 1, "Run `pipeline rebuild`" if behind else NEW_EPOCH)
