"""What records of `offers` become: orders of e-mails; nothing is remembered of anyone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from marketing.mailing.orders import Order, OrderDecoder
from pipeline import metrics
from pipeline.declaration import UseCase
from pipeline.errors import DataError
from pipeline.kafka.feed import Batch
from pipeline.memoryless import Memoryless
from pipeline.origin import Origin, origin_of, passed_on
from pipeline.ports import Applied
from pipeline.records import InRecord, OutRecord, Target
from pipeline.rejection import count_rejected, refuse_cut, rejection
from pipeline.topics import Topics, mails_of

STAGE = "marketing.mailing"
KIND = "mails"
"""Of its markers in Redis."""


class MailItem(msgspec.Struct, frozen=True, gc=False):
    """One decoded record of `offers`."""

    offset: int
    origin: Origin
    entity: None
    content: Order | DataError
    record: InRecord


class MailCore(Memoryless):
    """The `pipeline.stateful.Core` of this stage."""

    def __init__(self, case: UseCase) -> None:
        self._case = case
        self._orders = OrderDecoder(case)

    def decode(self, batch: Batch, after: int) -> list[MailItem]:
        """The records beyond the offset `after`, data errors included."""
        return [self._decode(batch, record) for record in batch.records if record.offset > after]

    def apply(
        self, partition: int, lookups: Mapping[str, str], items: Sequence[MailItem]
    ) -> Applied:
        """An order for each yes, as it came."""
        orders: list[OutRecord] = []
        rejected: list[OutRecord] = []
        for item in items:
            if isinstance(item.content, DataError):
                rejected.append(rejection(item.record, STAGE, item.origin, item.content))
            elif item.content.is_yes:
                orders.append(OutRecord(item.record.key, item.record.value, passed_on(item)))
        outputs = {
            Target(mails_of(self._case), partition): orders,
            Target(Topics.of(self._case).rejected, partition): rejected,
        }
        return Applied(
            outputs={target: records for target, records in outputs.items() if records},
            entities={},
            lookups=lookups,
            settled=lambda: _count(len(orders), rejected),
        )

    def _decode(self, batch: Batch, record: InRecord) -> MailItem:
        origin = origin_of(batch.topic_id, record)
        try:
            refuse_cut(record)
            order = self._orders.decode(record.value)
        except DataError as error:
            return MailItem(record.offset, origin, None, error, record)
        return MailItem(record.offset, origin, None, order, record)


def _count(orders: int, rejected: Sequence[OutRecord]) -> None:
    metrics.RECORDS.labels(STAGE, "offers", "dealt_with").inc(orders)
    if rejected:
        metrics.RECORDS.labels(STAGE, "offers", "rejected").inc(len(rejected))
        count_rejected(STAGE, rejected)
