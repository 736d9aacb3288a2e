"""How much there is to fold, and how fast that goes on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from pipeline.marker import Marker
from pipeline.origin import Highest
from pipeline.parquet.refold import Refold
from rebuild.builders import FeatureBuilder
from rebuild.folding import apply, logged
from rebuild.history import Stream


@dataclass(frozen=True, slots=True)
class Estimate:
    """So many records of so many partitions, folded at a rate (records/s) that was measured."""

    partitions: int
    records: int
    rate: float

    @property
    def seconds(self) -> float:
        """How long the fold will take, besides what Redis takes to write the states."""
        return self.records / self.rate if self.rate else 0.0


def estimate(
    builder: FeatureBuilder, live: Mapping[int, Marker], monotonic: Callable[[], float]
) -> Estimate:
    """What the fold up to these markers will take, by the rate of the largest file. Blocks."""
    streams = [one for number in live for one in _streams(builder, number, live[number].offset)]
    files = [replace(one, files=[file]) for one in streams for file in one.files]
    largest = max(files, key=_records, default=None)
    records = sum(_records(one) for one in files)
    return Estimate(len(live), records, _rate(builder, largest, monotonic) if largest else 0.0)


def _streams(builder: FeatureBuilder, number: int, up_to: int) -> Iterator[Stream]:
    ground = builder.ground
    history = ground.history(ground.topics.incoming)
    for one in history.streams(number):
        if one.epoch is history.current:
            one = replace(one, files=[file for file in one.files if file.first <= up_to])  # noqa: PLW2901 - the same stream, of which less is wanted
        yield one


def _records(stream: Stream) -> int:
    return sum(file.last - file.first + 1 for file in stream.files)


def _rate(builder: FeatureBuilder, stream: Stream, monotonic: Callable[[], float]) -> float:
    refold = Refold(builder.ground.case, builder.table_of)
    highest, started = Highest(), monotonic()
    for record in logged(builder.ground.case, stream):
        apply(record, refold, highest)
    return _records(stream) / max(monotonic() - started, 1e-9)
