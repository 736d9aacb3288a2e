"""At most one e-mail for each yes, whatever step the worker ends at; over a real mail server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from marketing.mailing.core import STAGE, MailCore
from marketing.mailing.ledger import BEGUN, Ledger
from marketing.mailing.letter import Letter, message_id
from marketing.mailing.postman import Postman
from marketing.mailing.smtp import MailServer
from marketing.service import FINGERPRINT, Offers
from pipeline.clock import FixedClock
from pipeline.errors import Fatal, InfrastructureError, Refusal
from pipeline.faults import FaultPoints
from pipeline.offers.contacts import Table
from pipeline.offers.deciding import Policy
from pipeline.origin import header_in
from pipeline.rejection import REASON_HEADER
from pipeline.settings import RedisSettings
from pipeline.store.client import connect
from pipeline.times import HOUR, MINUTE, format_time
from pipeline.topics import Topics, mails_of, offers_of
from tests.marketing.mailing.inbox import Inbox
from tests.marketing.rig import FakeContacts, contact, log_of, told
from tests.support.events import NOON
from tests.support.fakes import FakeFeed, FakeStore, FakeWriter, Records
from use_cases.first_day_churn import USE_CASE

MAILS = mails_of(USE_CASE)
STEPS = ("before-begun", "after-begun", "after-mail", "after-settled", "after-outputs")


def offer(user: str = "a", **changes: Any) -> dict[str, Any]:
    """A yes as `marketing` tells it."""
    usual = {
        "id": f"first/0/{user}/0",
        "user_id": user,
        "decided_at": format_time(NOON),
        "probability": 0.9,
        "offer": "yes",
        "reason": None,
    }
    return {**usual, **changes}


class FakeLedger:
    """Entries in memory; `outages` names calls that fail once, `lost` ones that are done first."""

    def __init__(self) -> None:
        self.entries: dict[str, bytes] = {}
        self.begun_here: set[str] = set()
        self.outages: set[str] = set()
        self.lost: set[str] = set()

    async def read(self, partition: int, offer_id: str) -> bytes | None:  # noqa: ARG002 - as Entries
        entry = self.entries.get(offer_id)
        return None if entry == BEGUN and offer_id in self.begun_here else entry

    async def begin(self, partition: int, offer_id: str) -> bool:  # noqa: ARG002 - as Entries
        self._fail("begin", self.outages)
        if offer_id not in self.entries:
            self.entries[offer_id] = BEGUN
            self.begun_here.add(offer_id)
        self._fail("begin", self.lost)
        return offer_id in self.begun_here

    async def settle(self, partition: int, offer_id: str, outcome: bytes) -> None:  # noqa: ARG002 - as Entries
        self._fail("settle", self.outages)
        self.entries[offer_id] = outcome
        self._fail("settle", self.lost)

    @staticmethod
    def _fail(call: str, calls: set[str]) -> None:
        if call in calls:
            calls.discard(call)
            raise InfrastructureError("Redis is away")


def letter_in(directory: Path) -> Letter:
    path = directory / "letter.txt"
    path.write_text("Subject: Stay with us\n\nThere is something for you.\n")
    return Letter.read(path, "offers@example.org")


class Rig:
    """One process of the sender on fakes, and on a real mail server."""

    def __init__(self, inbox: Inbox, directory: Path, *contents: Any) -> None:
        self.log: Records = log_of(*contents)
        self.letter, self.settings = letter_in(directory), inbox.settings
        self.contacts, self.ledger = FakeContacts(), FakeLedger()
        self.store, self.writer = FakeStore(), FakeWriter()
        self.clock = FixedClock(NOON + MINUTE)
        self.is_stopping: Callable[[], bool] = lambda: False

    async def run(self, faults: str = "") -> list[tuple[str, str, str | None]]:
        """Read all there is in a new process; what has been told of whose e-mail by then."""
        points = FaultPoints.parse(faults)
        self.ledger.begun_here.clear()
        postman = Postman(
            case=USE_CASE,
            outputs=self.writer,
            ledger=self.ledger,
            server=MailServer(self.settings),
            letter=self.letter,
            contacts=self.contacts,
            policy=Policy(hold_out=0),
            minutes=60,
            clock=self.clock,
            faults=points,
            is_stopping=self.is_stopping,
            alive=lambda: None,
        )
        stage = Offers(
            name=STAGE,
            core=MailCore(USE_CASE),
            store=self.store,
            outputs=postman,
            fingerprint=FINGERPRINT,
            effect="mail",
            clock=self.clock,
            faults=points,
        )
        stage.reader = feed = FakeFeed({0: self.log}, repeat(3), topic=offers_of(USE_CASE))
        try:
            await feed.run(stage)
        finally:
            await postman.close()
        outcomes = told(self.writer.effective(MAILS))
        return [(one["user_id"], one["outcome"], one["reason"]) for one in outcomes]


@pytest.fixture
def rig(inbox: Inbox, tmp_path: Path) -> Callable[..., Rig]:
    """Makes a sender that reads these decisions."""

    def make(*contents: Any) -> Rig:
        return Rig(inbox, tmp_path, *contents)

    return make


async def test_a_yes_is_an_e_mail_and_a_no_is_none(rig: Callable[..., Rig], inbox: Inbox) -> None:
    found = await rig(offer("a"), offer("b", offer="no", reason="harm"), offer("c")).run()
    assert found == [("a", "sent", None), ("c", "sent", None)]
    first = inbox.received[0]
    assert (first["To"], first["From"]) == ("someone@example.com", "offers@example.org")
    assert (first["Subject"], first.get_content().strip()) == (
        "Stay with us",
        "There is something for you.",
    )
    assert first["Message-ID"] == "<offer.first.0.a.0@example.org>"
    assert first["Date"] == "Sun, 01 Jun 2025 12:01:00 +0000"


async def test_no_address_is_told(rig: Callable[..., Rig]) -> None:
    sender = rig(offer("a"))
    await sender.run()
    assert "someone@" not in f"{sender.writer.logs} {sender.ledger.entries}"


@pytest.mark.parametrize("step", STEPS)
async def test_whatever_step_it_ends_at_nobody_is_written_to_twice(
    rig: Callable[..., Rig], inbox: Inbox, step: str
) -> None:
    sender = rig(*(offer(user) for user in "abcdef"))
    with pytest.raises(Fatal):
        await sender.run(f"{step}=raise:2")
    found = await sender.run()
    assert [user for user, _, _ in found] == [*"abcdef"]
    assert set(inbox.copies.values()) == {1}
    sent = {one for one, outcome, _ in found if outcome == "sent"}
    doubtful = [one for one, outcome, _ in found if outcome == "unknown"]
    ids = {message_id(f"first/0/{user}/0", "offers@example.org") for user in sent}
    assert ids <= inbox.copies.keys()
    assert len(doubtful) == (1 if step in {"after-begun", "after-mail"} else 0)


async def test_of_what_was_begun_the_e_mail_may_be_missing(
    rig: Callable[..., Rig], inbox: Inbox
) -> None:
    """The risk that is taken: rather none than two."""
    sender = rig(offer("a"))
    with pytest.raises(Fatal):
        await sender.run("after-begun=raise:1")
    assert await sender.run() == [("a", "unknown", "ended_meanwhile")]
    assert inbox.received == []


@pytest.mark.parametrize("call", ["begin", "settle"])
@pytest.mark.parametrize("kind", ["outages", "lost"])
async def test_an_outage_of_redis_leaves_nothing_unknown_while_the_process_lives(
    rig: Callable[..., Rig], inbox: Inbox, kind: str, call: str
) -> None:
    sender = rig(offer("a"), offer("b"))
    getattr(sender.ledger, kind).add(call)
    assert await sender.run() == [("a", "sent", None), ("b", "sent", None)]
    assert list(inbox.copies.values()) == [1, 1]


async def test_what_an_older_redis_has_forgotten_of_an_e_mail_under_way_is_not_sent_twice(
    rig: Callable[..., Rig], inbox: Inbox
) -> None:
    sender = rig(offer("a"))
    sender.ledger.outages.add("settle")
    inbox.accepted = lambda _: sender.ledger.entries.clear()
    assert await sender.run() == [("a", "sent", None)]
    assert list(inbox.copies.values()) == [1]


async def test_a_sender_that_ends_in_an_outage_notes_what_it_sent_if_it_still_can(
    rig: Callable[..., Rig], inbox: Inbox
) -> None:
    sender = rig(offer("a"))
    sender.ledger.outages.add("settle")
    sender.is_stopping = lambda: len(inbox.received) == 1
    with pytest.raises(InfrastructureError, match="the end was asked for"):
        await sender.run()
    sender.is_stopping = lambda: False
    assert await sender.run() == [("a", "sent", None)]


async def test_the_ledger_names_no_user(rig: Callable[..., Rig]) -> None:
    sender = rig(offer("user-77", id="first/0/5/0"))
    await sender.run()
    assert "user-77" not in f"{sender.ledger.entries}"


async def test_a_connection_that_is_lost_before_the_answer_leaves_it_unknown(
    rig: Callable[..., Rig], inbox: Inbox
) -> None:
    inbox.hang_up = True
    assert await rig(offer("a")).run() == [("a", "unknown", "connection_lost")]
    assert set(inbox.copies.values()) == {1}


async def test_a_refused_recipient_holds_up_nobody(rig: Callable[..., Rig], inbox: Inbox) -> None:
    sender = rig(offer("a"), offer("b"))
    sender.contacts.now = Table(
        "v1", {"a": contact(email="gone@example.com"), "b": contact(email="here@example.com")}
    )
    inbox.refused = frozenset({"gone@example.com"})
    assert await sender.run() == [("a", "refused", "550"), ("b", "sent", None)]


async def test_while_the_mail_server_is_away_nothing_is_begun(rig: Callable[..., Rig]) -> None:
    sender = rig(offer("a"))
    inbox_settings, sender.settings = sender.settings, replace(sender.settings, port=9)
    with pytest.raises(InfrastructureError, match=r"127\.0\.0\.1 does not answer"):
        await sender.run()
    assert sender.ledger.entries == {}
    sender.settings = inbox_settings
    assert await sender.run() == [("a", "sent", None)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"harm": True}, "harm"),
        ({"self_excluded": True}, "self_excluded"),
        ({"consent": False}, "no_consent"),
    ],
)
async def test_flags_are_asked_again_before_an_e_mail(
    rig: Callable[..., Rig], inbox: Inbox, change: dict[str, bool], reason: str
) -> None:
    sender = rig(offer("a"))
    sender.contacts.now = Table("v2", {"a": contact(**change)})
    assert await sender.run() == [("a", "withheld", reason)]
    assert inbox.received == []


async def test_without_readable_flags_nothing_is_sent(
    rig: Callable[..., Rig], inbox: Inbox
) -> None:
    sender = rig(offer("a"))
    sender.contacts.now = None
    assert await sender.run() == [("a", "withheld", "flags_unreadable")]
    assert inbox.received == []


@pytest.mark.parametrize(
    ("later", "reason"), [(61 * MINUTE, "too_late"), (12 * HOUR, "too_late"), (HOUR, None)]
)
async def test_an_old_decision_is_not_sent(
    rig: Callable[..., Rig], later: int, reason: str | None
) -> None:
    sender = rig(offer("a"))
    sender.clock.at = NOON + later
    (found,) = await sender.run()
    assert found == ("a", "withheld" if reason else "sent", reason)


async def test_at_night_nothing_is_sent(rig: Callable[..., Rig]) -> None:
    sender = rig(offer("a", decided_at=format_time(NOON + 10 * HOUR - MINUTE)))
    sender.clock.at = NOON + 10 * HOUR
    assert await sender.run() == [("a", "withheld", "quiet_hours")]


async def test_what_is_no_decision_is_rejected(rig: Callable[..., Rig]) -> None:
    sender = rig(b"not json", {"id": "x"}, offer("b"))
    assert await sender.run() == [("b", "sent", None)]
    rejected = sender.writer.effective(Topics.of(USE_CASE).rejected)
    assert [header_in(one.headers, REASON_HEADER) for one in rejected] == [b"not_an_offer"] * 2


async def test_asked_to_end_it_ends_between_two_e_mails(
    rig: Callable[..., Rig], inbox: Inbox
) -> None:
    sender = rig(*(offer(user) for user in "abc"))
    sender.is_stopping = lambda: len(inbox.received) == 1
    with pytest.raises(InfrastructureError, match="the end was asked for"):
        await sender.run()
    sender.is_stopping = lambda: False
    assert len(await sender.run()) == 3
    assert set(inbox.copies.values()) == {1}


async def test_the_ledger_in_redis_lets_one_begin(redis_url: str, topic_prefix: str) -> None:
    client = connect(RedisSettings(redis_url))
    ledgers = [Ledger(client, replace(USE_CASE, name=topic_prefix)) for _ in range(5)]
    assert await ledgers[0].read(0, "x") is None
    begun = await asyncio.gather(*(ledger.begin(0, "x") for ledger in ledgers))
    assert sorted(begun) == [False] * 4 + [True]
    entries = [await ledger.read(0, "x") for ledger in ledgers]
    assert entries == [None if first else BEGUN for first in begun]
    assert [await ledger.begin(0, "x") for ledger in ledgers] == begun
    await ledgers[0].settle(0, "x", b"sent")
    assert {await ledger.read(0, "x") for ledger in ledgers} == {b"sent"}
    assert 0 < await client.ttl(f"{topic_prefix}:mail:{{0}}:x") <= 7 * 24 * 3600
    await client.aclose()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Subject: x\n\n",
        "no subject\n",
        "To: a@b\nSubject: x\n\ntext\n",
        "Bcc: a@b\nSubject: x\n\nt",
    ],
)
def test_a_letter_that_lacks_something_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "letter.txt"
    path.write_text(text)
    with pytest.raises(Refusal, match=r"letter\.txt"):
        Letter.read(path, "offers@example.org")


def test_a_letter_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="cannot be read"):
        Letter.read(tmp_path / "none", "offers@example.org")
