"""Sends what is ordered, each at most once, and delivers what became of it.

The ledger says `begun` before the mail server is told, and the outcome after it has answered. Where
only the `begun` of another process is found, that one ended in between: whether the e-mail went out
nobody knows, and it is not sent again. A process that lives knows what it did: it keeps an outcome
until the ledger has it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Protocol

from marketing.core import ContactsNow
from marketing.mailing.ledger import BEGUN
from marketing.mailing.letter import Letter
from marketing.mailing.orders import Order, OrderDecoder
from marketing.mailing.outcome import Fate, Outcome, entry_of, record_of
from pipeline.clock import Clock
from pipeline.declaration import UseCase
from pipeline.errors import InfrastructureError
from pipeline.faults import FaultPoints
from pipeline.offers.deciding import NEW, Contact, Decision, Policy, Score, decide
from pipeline.ports import Writer
from pipeline.records import Deliveries, OutRecord
from pipeline.times import MINUTE
from pipeline.topics import mails_of

_FAREWELL_SECONDS = 2.0


class Entries(Protocol):
    """The ledger; the real one is `marketing.mailing.ledger`."""

    async def read(self, partition: int, offer_id: str) -> bytes | None:
        """`BEGUN` where another process has begun, or the outcome; None where neither is noted."""
        ...

    async def begin(self, partition: int, offer_id: str) -> bool:
        """False where another process was first."""
        ...

    async def settle(self, partition: int, offer_id: str, outcome: bytes) -> None:
        """Note what became of it."""
        ...


class Server(Protocol):
    """The mail server; the real one is `marketing.mailing.smtp`."""

    async def ready(self) -> None:
        """Return once it answers."""
        ...

    async def send(self, message: EmailMessage) -> Outcome:
        """What became of it."""
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


@dataclass(frozen=True, slots=True)
class Postman:
    """A Writer (see `pipeline.ports`) in whose hands orders become e-mails, and then outcomes."""

    case: UseCase
    outputs: Writer
    ledger: Entries
    server: Server
    letter: Letter
    contacts: ContactsNow
    policy: Policy
    minutes: int
    clock: Clock
    faults: FaultPoints
    is_stopping: Callable[[], bool]
    alive: Callable[[], None]
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One e-mail at a time, for there is one connection."""
    unsettled: dict[tuple[int, str], bytes] = field(default_factory=dict)
    """The ledger's entry to be, by partition and offer, of what the mail server may have got."""

    async def deliver(self, deliveries: Deliveries) -> None:
        """Deal with every order, then deliver the outcomes and all other records."""
        outcomes = {
            target: [await self._dealt_with(target.partition, one) for one in records]
            if target.topic == mails_of(self.case)
            else records
            for target, records in deliveries.items()
        }
        await self.outputs.deliver(outcomes)

    async def close(self) -> None:
        """Let go of the mail server and the producer; before, note what is still to be noted."""
        with contextlib.suppress(InfrastructureError, TimeoutError):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                for place in list(self.unsettled):
                    await self._settle(*place)
        await self.server.close()
        await self.outputs.close()

    async def _dealt_with(self, partition: int, ordered: OutRecord) -> OutRecord:
        if self.is_stopping():
            raise InfrastructureError("the end was asked for in the middle of a batch")
        self.alive()
        order = OrderDecoder(self.case).decode(ordered.value)
        entry = await self.ledger.read(partition, order.id)
        if entry is None or entry == BEGUN:
            if (partition, order.id) not in self.unsettled:
                await self._begin(partition, order, begun_elsewhere=entry == BEGUN)
            entry = await self._settle(partition, order.id)
        self.unsettled.pop((partition, order.id), None)  # settled, and the answer was lost
        return OutRecord(ordered.key, record_of(self.case, order, entry), ordered.headers)

    async def _begin(self, partition: int, order: Order, *, begun_elsewhere: bool) -> None:
        """Find out what becomes of an order of which this process has no outcome yet."""
        outcome = Outcome(Fate.UNKNOWN, "ended_meanwhile")
        if not begun_elsewhere:
            async with self.lock:
                outcome = await self._written(partition, order)
        self._keep(partition, order, outcome)

    def _keep(self, partition: int, order: Order, outcome: Outcome) -> None:
        self.unsettled[(partition, order.id)] = entry_of(outcome, self.clock.now())

    async def _settle(self, partition: int, offer_id: str) -> bytes:
        entry = self.unsettled[(partition, offer_id)]
        await self.ledger.settle(partition, offer_id, entry)
        del self.unsettled[(partition, offer_id)]
        self.faults.hit("after-settled")
        return entry

    async def _written(self, partition: int, order: Order) -> Outcome:
        found = self._asked_again(order)
        if isinstance(found, Outcome):
            return found
        message = self.letter.to(found.email, order.id, self.clock.now())
        await self.server.ready()
        self.faults.hit("before-begun")
        if not await self.ledger.begin(partition, order.id):
            return Outcome(Fate.UNKNOWN, "begun_elsewhere")
        self.faults.hit("after-begun")
        self._keep(partition, order, Outcome(Fate.UNKNOWN, "interrupted"))
        outcome = await self.server.send(message)
        self.faults.hit("after-mail")
        return outcome

    def _asked_again(self, order: Order) -> Contact | Outcome:
        """Whom to write to, if by all that is known at this moment one may."""
        now, table = self.clock.now(), self.contacts.table()
        if now - order.decided_at > self.minutes * MINUTE:
            return Outcome(Fate.WITHHELD, "too_late")
        contacts = table.contacts if table else None
        score = Score(order.entity, order.decided_at, order.probability)
        decision = decide(score, contacts, NEW, self.policy, now)
        if contacts is None or decision is not Decision.YES:
            return Outcome(Fate.WITHHELD, decision.value)
        return contacts[order.entity]
