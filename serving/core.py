"""What records of `serving-features` become: inferences, and each entity's latest score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from pipeline import metrics
from pipeline.clock import Clock
from pipeline.control import Erase, decode_erasure, is_control, passed_on_erasure
from pipeline.declaration import UseCase
from pipeline.errors import DataError
from pipeline.faults import NO_FAULTS, FaultPoints
from pipeline.kafka.feed import Batch
from pipeline.latest_score import SCORE_FIELDS, score_values
from pipeline.memoryless import Memoryless
from pipeline.origin import Origin, origin_of, passed_on
from pipeline.ports import Applied
from pipeline.records import InRecord, OutRecord, Target
from pipeline.rejection import count_rejected, refuse_cut, rejection
from pipeline.store.store import Values
from pipeline.times import format_time
from pipeline.topics import Topics
from serving.inferences import Inference, Inferences, encode
from serving.requests import RequestDecoder, ScoreRequest
from serving.scorer import Holder, Lineup, Scores

STAGE = "serving"
_UNSCORED = DataError("no_probability", "the model gives none for these features")


class ServingItem(msgspec.Struct, frozen=True, gc=False):
    """One decoded record of `serving-features`."""

    offset: int
    origin: Origin
    entity: str | None
    content: ScoreRequest | Erase | DataError
    record: InRecord


class ServingCore(Memoryless):
    """The `pipeline.stateful.Core` of this stage; it keeps no states of its own."""

    fields = SCORE_FIELDS

    def __init__(
        self,
        case: UseCase,
        topics: Topics,
        holder: Holder,
        clock: Clock,
        faults: FaultPoints = NO_FAULTS,
    ) -> None:
        self._requests = RequestDecoder(case)
        self._inferences = Inferences(case)
        self._topics = topics
        self._holder = holder
        self._clock = clock
        self._faults = faults

    def decode(self, batch: Batch, after: int) -> list[ServingItem]:
        """The records beyond the offset `after`, data errors included."""
        return [self._decode(batch, record) for record in batch.records if record.offset > after]

    def apply(
        self, partition: int, lookups: Mapping[str, str], items: Sequence[ServingItem]
    ) -> Applied:
        """Score all requests of the part at once; an erasure goes on in its place among them."""
        now = self._clock.now()
        scored_at = format_time(now)
        requests = [item.content for item in items if isinstance(item.content, ScoreRequest)]
        scores = iter(_score(self._holder.lineup, requests))
        self._faults.hit("score", len(requests))
        scored, told = 0, list[OutRecord]()
        rejected: list[OutRecord] = []
        latest: dict[str, Inference | None] = {}
        for item in items:
            content = item.content
            if isinstance(content, ScoreRequest):
                model, probability, shadow = next(scores)
                if not math.isfinite(probability):
                    rejected.append(rejection(item.record, STAGE, item.origin, _UNSCORED))
                    continue
                inference = self._inferences.make(
                    content,
                    item.origin.encode().decode(),
                    model,
                    probability,
                    scored_at,
                    max(now / 1e6 - item.record.timestamp / 1e3, 0.0),
                    shadow,
                )
                scored, key = scored + 1, content.entity.encode()
                told.append(OutRecord(key, encode(inference), passed_on(item)))
                latest[content.entity] = inference
            elif isinstance(content, Erase):
                latest[content.entity] = None
                told.append(passed_on_erasure(item.origin, content))
            else:
                rejected.append(rejection(item.record, STAGE, item.origin, content))
        outputs = {
            Target(self._topics.inferences, partition): told,
            Target(self._topics.rejected, partition): rejected,
        }
        return Applied(
            outputs={target: records for target, records in outputs.items() if records},
            entities={entity: _values(inference) for entity, inference in latest.items()},
            lookups=lookups,
            settled=lambda: _count(scored, rejected),
        )

    def _decode(self, batch: Batch, record: InRecord) -> ServingItem:
        origin = origin_of(batch.topic_id, record)
        try:
            content = self._content(record)
        except DataError as error:
            return ServingItem(record.offset, origin, None, error, record)
        return ServingItem(record.offset, origin, content.entity, content, record)

    def _content(self, record: InRecord) -> ScoreRequest | Erase:
        refuse_cut(record)
        if is_control(record.headers):
            return decode_erasure(record.value)
        return self._requests.decode(record.value)


def _score(lineup: Lineup, requests: Sequence[ScoreRequest]) -> Scores:
    if not requests:
        return ()
    inputs = np.asarray([request.inputs for request in requests], dtype=np.float64)
    return lineup.score((request.entity for request in requests), inputs)


def _values(inference: Inference | None) -> Values:
    return None if inference is None else score_values(msgspec.structs.asdict(inference))


def _count(scored: int, rejected: Sequence[OutRecord]) -> None:
    metrics.RECORDS.labels(STAGE, "features", "scored").inc(scored)
    metrics.RECORDS.labels(STAGE, "features", "rejected").inc(len(rejected))
    count_rejected(STAGE, rejected)
