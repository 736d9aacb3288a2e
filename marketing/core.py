"""What records of `inferences` become: decisions about offers, and what is remembered of whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from marketing.inferences import Inference, InferenceDecoder
from marketing.occasions import Occasions
from marketing.remembering import FIELDS, decode, encode
from pipeline import metrics
from pipeline.control import Erase, decode_erasure, is_control
from pipeline.declaration import UseCase
from pipeline.errors import DataError
from pipeline.kafka.feed import Batch
from pipeline.offers.contacts import Table
from pipeline.offers.deciding import Decision, History, Policy
from pipeline.origin import Origin, origin_of, passed_on
from pipeline.ports import Applied
from pipeline.records import InRecord, OutRecord, Target
from pipeline.rejection import count_rejected, refuse_cut, rejection
from pipeline.state import Raw
from pipeline.topics import Topics, offers_of

STAGE = "marketing"
SCHEMA_VERSION = 1


class ContactsNow(Protocol):
    """Tells the contacts and flags as they are; the real one is `pipeline.offers.contacts`."""

    def table(self) -> Table | None:
        """The table, None where it cannot be read."""
        ...


class OfferItem(msgspec.Struct, frozen=True, gc=False):
    """One decoded record of `inferences`; `entity` only of an erasure, or over the threshold."""

    offset: int
    origin: Origin
    entity: str | None
    content: Inference | Erase | DataError
    record: InRecord


class OffersCore:
    """The `pipeline.stateful.Core` of this stage; keeps nothing beyond a part."""

    fields = FIELDS

    def __init__(self, case: UseCase, policy: Policy, contacts: ContactsNow) -> None:
        self._case = case
        self._decoder = InferenceDecoder(case)
        self._policy = policy
        self._contacts = contacts
        self._known: dict[int, Mapping[str, History]] = {}

    def decode(self, batch: Batch, after: int) -> list[OfferItem]:
        """The records beyond the offset `after`, data errors included."""
        return [self._decode(batch, record) for record in batch.records if record.offset > after]

    def unknown(self, partition: int, items: Sequence[OfferItem]) -> list[str]:  # noqa: ARG002 - nothing is kept of any
        """Everyone over the threshold, or erased."""
        return list(dict.fromkeys(item.entity for item in items if item.entity is not None))

    def learn(
        self, partition: int, entities: Sequence[str], values: Sequence[Sequence[Raw]]
    ) -> None:
        """Take in what is remembered of them."""
        self._known[partition] = dict(zip(entities, map(decode, values), strict=True))

    def forget(self, partition: int) -> None:
        """Drop what was taken in."""
        self._known.pop(partition, None)

    def apply(
        self, partition: int, lookups: Mapping[str, str], items: Sequence[OfferItem]
    ) -> Applied:
        """Decide in the order of the log, all by one state of the table. May block to read it."""
        table = self._contacts.table()
        occasions = Occasions(
            self._policy, table.contacts if table else None, self._known.get(partition, {})
        )
        offers: list[OutRecord] = []
        rejected: list[OutRecord] = []
        counts: Counter[str] = Counter()
        for item in items:
            content = item.content
            if isinstance(content, Inference):
                over = item.entity is not None
                decision = occasions.decide(content.score, content.scored_at) if over else None
                counts[decision or "no_decision"] += 1
                if decision is not None:
                    value = msgspec.json.encode(self._told(item.origin, content, decision, table))
                    key = content.score.entity.encode()
                    offers.append(OutRecord(key, value, passed_on(item)))
            elif isinstance(content, Erase):
                occasions.erase(content.entity)
                counts["erased"] += 1
            else:
                rejected.append(rejection(item.record, STAGE, item.origin, content))
        outputs = {
            Target(offers_of(self._case), partition): offers,
            Target(Topics.of(self._case).rejected, partition): rejected,
        }
        return Applied(
            outputs={target: records for target, records in outputs.items() if records},
            entities={
                entity: None if one is None else encode(one)
                for entity, one in occasions.changed.items()
            },
            lookups=lookups,
            settled=lambda: _count(counts, rejected),
        )

    def _decode(self, batch: Batch, record: InRecord) -> OfferItem:
        origin = origin_of(batch.topic_id, record)
        try:
            content = self._content(record)
        except DataError as error:
            return OfferItem(record.offset, origin, None, error, record)
        return OfferItem(record.offset, origin, self._whose(content), content, record)

    def _content(self, record: InRecord) -> Inference | Erase:
        refuse_cut(record)
        if is_control(record.headers):
            return decode_erasure(record.value)
        return self._decoder.decode(record.value)

    def _whose(self, content: Inference | Erase) -> str | None:
        """Of whom something is remembered or forgotten."""
        if isinstance(content, Erase):
            return content.entity
        is_over = content.score.probability >= self._policy.threshold
        return content.score.entity if is_over else None

    def _told(
        self, origin: Origin, inference: Inference, decision: Decision, table: Table | None
    ) -> dict[str, str | float | None]:
        """A record of `offers`; its id is its origin, as the inference's is."""
        is_yes = decision is Decision.YES
        return {
            "schema_version": SCHEMA_VERSION,
            "id": origin.encode().decode(),
            "decided_at": inference.scored_at_text,
            self._case.entity: inference.score.entity,
            "as_of": inference.as_of_text,
            "model": inference.model,
            "version": inference.version,
            "probability": inference.score.probability,
            "campaign": self._policy.campaign,
            "offer": "yes" if is_yes else "no",
            "reason": None if is_yes else decision.value,
            "contacts": table.version if table else None,
        }


def _count(decisions: Mapping[str, int], rejected: Sequence[OutRecord]) -> None:
    for outcome, count in decisions.items():
        metrics.RECORDS.labels(STAGE, "inferences", outcome).inc(count)
    if rejected:
        metrics.RECORDS.labels(STAGE, "inferences", "rejected").inc(len(rejected))
        count_rejected(STAGE, rejected)
