"""What records of `serving-features` become: inferences, and each entity's latest score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import orjson
from aiokafka.structs import ConsumerRecord
from numpy.typing import NDArray

from pipeline import metrics
from pipeline.clock import Clock
from pipeline.control import Erase, decode_control, is_control
from pipeline.declaration import UseCase
from pipeline.errors import DataError
from pipeline.kafka.feed import Batch
from pipeline.latest_score import SCORE_FIELDS, score_values
from pipeline.origin import Origin, origin_of, passed_on
from pipeline.ports import Applied
from pipeline.records import OutRecord, Target
from pipeline.rejection import rejection
from pipeline.state import Raw
from pipeline.store.store import Values
from pipeline.times import format_time
from pipeline.topics import Topics

STAGE = "serving"


class Scorer(Protocol):
    """A model in service."""

    @property
    def name(self) -> str:
        """The model's name."""
        ...

    @property
    def version(self) -> str:
        """Its version."""
        ...

    @property
    def hash(self) -> str:
        """SHA-256 of its file."""
        ...

    def score(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability of each row of (rows, features)."""
        ...

    def decide(self, probability: float) -> str:
        """What the probability means at the model's threshold."""
        ...


class Holder(Protocol):
    """Holds the model in service, which may be swapped at any time."""

    @property
    def current(self) -> Scorer:
        """The model to use now; take it once per batch."""
        ...


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """The content of a serving record; `inputs` in the order of the model's features."""

    entity: str
    fields: Mapping[str, Any]
    inputs: Sequence[float]


class ServingItem(NamedTuple):
    """One decoded record of `serving-features`."""

    offset: int
    origin: Origin
    entity: str | None
    content: ScoreRequest | Erase | DataError
    record: ConsumerRecord


class ServingCore:
    """The `pipeline.stateful.Core` of this stage; it keeps no states of its own."""

    fields = SCORE_FIELDS

    def __init__(self, case: UseCase, topics: Topics, holder: Holder, clock: Clock) -> None:
        self._entity = case.entity
        self._inputs = case.model.features
        self._topics = topics
        self._holder = holder
        self._clock = clock

    def decode(self, batch: Batch, after: int) -> list[ServingItem]:
        """The records beyond the offset `after`, data errors included."""
        return [self._decode(batch, record) for record in batch.records if record.offset > after]

    def unknown(self, partition: int, items: Sequence[ServingItem]) -> list[str]:  # noqa: ARG002 - a score needs no older one
        """No stored values are needed."""
        return []

    def learn(
        self, partition: int, entities: Sequence[str], values: Sequence[Sequence[Raw]]
    ) -> None:
        """Nothing to learn."""

    def forget(self, partition: int) -> None:
        """Nothing to forget."""

    def apply(
        self, partition: int, lookups: Mapping[str, str], items: Sequence[ServingItem]
    ) -> Applied:
        """Score all requests of the part at once."""
        model, now = self._holder.current, self._clock.now()
        probabilities = _score(model, items)
        inferences: list[OutRecord] = []
        rejected: list[OutRecord] = []
        latest: dict[str, Values] = {}
        for item in items:
            content = item.content
            if isinstance(content, ScoreRequest):
                inference = self._inference(item, content, model, probabilities.pop(), now)
                inferences.append(
                    OutRecord(item.record.key, orjson.dumps(inference), passed_on(item))
                )
                latest[content.entity] = score_values(inference)
            elif isinstance(content, Erase):
                latest[content.entity] = None
            else:
                rejected.append(rejection(item.record, STAGE, item.origin, content))
        outputs = {
            Target(self._topics.inferences, partition): inferences,
            Target(self._topics.rejected, partition): rejected,
        }
        return Applied(
            outputs={target: records for target, records in outputs.items() if records},
            entities=latest,
            lookups=lookups,
            settled=lambda: _count(len(inferences), len(rejected)),
        )

    def _decode(self, batch: Batch, record: ConsumerRecord) -> ServingItem:
        origin = origin_of(batch.topic_id, record)
        try:
            content = self._content(record)
        except DataError as error:
            return ServingItem(record.offset, origin, None, error, record)
        return ServingItem(record.offset, origin, content.entity, content, record)

    def _content(self, record: ConsumerRecord) -> ScoreRequest | Erase:
        if is_control(record.headers):
            control = decode_control(record.value)
            if not isinstance(control, Erase):
                raise DataError("unknown_control")
            return control
        try:
            fields = orjson.loads(record.value)
            features = fields["features"]
            inputs = [float(features[name]) for name in self._inputs]
            return ScoreRequest(_text_in(fields, self._entity), fields, inputs)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise DataError("not_serving_features") from None

    def _inference(
        self, item: ServingItem, request: ScoreRequest, model: Scorer, probability: float, now: int
    ) -> dict[str, Any]:
        fields = request.fields
        return {
            "schema_version": 1,
            "id": item.origin.encode().decode(),
            "scored_at": format_time(now),
            self._entity: request.entity,
            "event_type": fields.get("event_type"),
            "event_time": fields.get("event_time"),
            "as_of": fields.get("as_of"),
            "model": model.name,
            "version": model.version,
            "model_hash": model.hash,
            "lookups": fields.get("lookups", {}),
            "features": fields["features"],
            "probability": probability,
            "decision": model.decide(probability),
            "feature_age": max(now / 1e6 - item.record.timestamp / 1e3, 0.0),
        }


def _text_in(fields: Mapping[str, Any], name: str) -> str:
    text = fields[name]
    if not isinstance(text, str):
        raise TypeError(name)
    return text


def _score(model: Scorer, items: Sequence[ServingItem]) -> list[float]:
    """The probabilities of the requests among `items`, the last one first."""
    rows = [item.content.inputs for item in items if isinstance(item.content, ScoreRequest)]
    if not rows:
        return []
    probabilities: list[float] = model.score(np.asarray(rows, dtype=np.float64)).tolist()
    return probabilities[::-1]


def _count(scored: int, rejected: int) -> None:
    metrics.RECORDS.labels(STAGE, "features", "scored").inc(scored)
    metrics.RECORDS.labels(STAGE, "features", "rejected").inc(rejected)
    if rejected:
        metrics.REJECTED.labels(STAGE, "not_serving_features").inc(rejected)
