"""How far a rebuild goes, and when there is none. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.conflicts import NEW_EPOCH, differs
from pipeline.errors import Refusal
from pipeline.kafka.positions import Log
from pipeline.marker import BEFORE_FIRST, Marker


@dataclass(frozen=True, slots=True)
class Epoch:
    """What the log in Parquet, or the last boundary between epochs, says of the one we are in.

    None where nothing is known.
    """

    topic_id: str | None
    partitions: int | None

    def refuse_unless_of(self, log: Log, partitions: int) -> None:
        """Raise Refusal where Kafka's log is of an epoch that has yet to begin."""
        if self.topic_id not in (None, log.topic_id):
            raise Refusal(f"{log.topic} was made again since it was logged", NEW_EPOCH)
        if self.partitions not in (None, partitions):
            was = f"{log.topic} had {self.partitions} partitions when it was logged"
            raise Refusal(f"{was}, now {partitions}", NEW_EPOCH)

    def marker(self, live: Marker | None, log: Log, partitions: int) -> Marker | None:
        """The live marker, if it says something of the log as it is now; else none.

        Raises Refusal where nobody can tell.
        """
        self.refuse_unless_of(log, partitions)
        if live is None or live.offset >= log.end:  # Kafka has lost what the state was made of
            return None
        if live.topic_id != log.topic_id:
            return self._older(
                self.topic_id, f"{log.topic} was made again since its state was made"
            )
        if differs(live.partitions, partitions):
            was = f"{log.topic} had {live.partitions} partitions when its state was made"
            return self._older(self.partitions, f"{was}, now {partitions}")
        return live

    @staticmethod
    def _older(known: object, problem: str) -> None:
        """The marker is of an older epoch, if it is known that another one has begun since."""
        if known is None:
            raise Refusal(problem, NEW_EPOCH)


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
            "Put back the Parquet files that were moved away, or go on without these records: run "
            "`pipeline rebuild --new-epoch` with all workers stopped",
        )
    return target
