"""Sends what is ordered, each at most once, and delivers what became of it.

The ledger says `begun` before the mail server is told, and the outcome after it has answered. Where
only `begun` is found, a worker ended in between: whether the e-mail went out nobody knows, and it
is not sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Protocol

from marketing.core import ContactsNow
from marketing.mailing.ledger import BEGUN
from marketing.mailing.letter import Letter
from marketing.mailing.orders import Order, OrderDecoder
from marketing.mailing.outcome import Fate, Outcome, record_of
from pipeline.clock import Clock
from pipeline.declaration import UseCase
from pipeline.errors import InfrastructureError
from pipeline.faults import FaultPoints
from pipeline.offers.deciding import NEW, Contact, Decision, Policy, Score, decide
from pipeline.ports import Writer
from pipeline.records import Deliveries, OutRecord
from pipeline.times import MINUTE
from pipeline.topics import mails_of


class Entries(Protocol):
    """The ledger; the real one is `marketing.mailing.ledger`."""

    async def read(self, partition: int, offer_id: str) -> bytes | None:
        """`BEGUN`, or the outcome; None where nobody has begun."""
        ...

    async def begin(self, partition: int, offer_id: str) -> bool:
        """False where somebody has begun before."""
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
        """Let go of the mail server and the producer."""
        await self.server.close()
        await self.outputs.close()

    async def _dealt_with(self, partition: int, ordered: OutRecord) -> OutRecord:
        if self.is_stopping():
            raise InfrastructureError("the end was asked for in the middle of a batch")
        self.alive()
        order = OrderDecoder(self.case).decode(ordered.value)
        value = await self.ledger.read(partition, order.id)
        if value is None or value == BEGUN:
            outcome = Outcome(Fate.UNKNOWN, "ended_meanwhile")
            if value is None:
                async with self.lock:
                    outcome = await self._written(partition, order)
            value = record_of(self.case, order, outcome, self.clock.now())
            await self.ledger.settle(partition, order.id, value)
            self.faults.hit("after-settled")
        return OutRecord(ordered.key, value, ordered.headers)

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
