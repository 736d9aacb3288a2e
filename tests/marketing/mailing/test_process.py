"""The sender as a process on the real Kafka and Redis, killed between its steps."""

from __future__ import annotations

import threading
from urllib.parse import urlsplit

import orjson
import pytest

from embedded.ports import free_port
from marketing.mailing.core import KIND, STAGE
from pipeline.clock import SystemClock
from pipeline.offers.contacts import install
from pipeline.records import OutRecord
from pipeline.times import format_time
from pipeline.topics import mails_of, offers_of
from tests.faults.proxy import Proxy
from tests.marketing.mailing.inbox import Inbox
from tests.marketing.mailing.test_postman import STEPS, offer
from tests.support.events import caused_by
from tests.support.fakes import first_of_each_origin
from tests.support.processes import PARTITIONS, World

OFFERS = 60


@pytest.fixture
def filled(world: World, inbox: Inbox) -> World:
    """`offers` with a yes for everyone, a table of them, a letter, and where the mail server is."""
    table, letter = world.directory / "contacts.csv", world.directory / "letter.txt"
    rows = "".join(f"u{n},u{n}@example.com,UTC,yes,no,no\n" for n in range(OFFERS))
    table.write_text(f"user_id,email,time_zone,consent,self_excluded,harm\n{rows}")
    install(table, world.directory / "lookups", world.name, "user_id")
    letter.write_text("Subject: Stay\n\nwith us\n")
    world.settings |= {
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(inbox.port),
        "SMTP_TLS": "none",
        "SMTP_FROM": "offers@example.org",
        "OFFERS_LETTER": str(letter),
        "OFFERS_QUIET_FROM": "0",
        "OFFERS_QUIET_UNTIL": "0",
        "OFFERS_HOLD_OUT": "0",
    }
    world.cluster.create(offers_of(world.case), PARTITIONS)
    for partition in range(PARTITIONS):
        log = [ordered(n) for n in range(OFFERS) if n % PARTITIONS == partition]
        world.cluster.append(offers_of(world.case), partition, log)
    return world


def ordered(n: int) -> OutRecord:
    now = format_time(SystemClock().now())
    value = offer(f"u{n}", id=f"first/0/{n}/0", decided_at=now)
    return OutRecord(f"u{n}".encode(), orjson.dumps(value), caused_by(n))


def outcomes(world: World) -> dict[str, str]:
    """Of each user what became of the one e-mail."""
    found: dict[str, str] = {}
    for partition, records in world.cluster.read(mails_of(world.case)).items():
        for record in first_of_each_origin([one.out for one in records], partition):
            told = orjson.loads(record.value or b"")
            assert told["user_id"] not in found
            found[told["user_id"]] = told["outcome"]
    return found


def finish(world: World) -> None:
    with world.worker(STAGE) as worker:
        world.wait_until_applied(KIND, offers_of(world.case), worker)
        assert worker.ends_on_sigterm() == 0


def assert_at_most_one_each(world: World, inbox: Inbox, doubtful: int) -> None:
    """At least `doubtful` ones are unknown; more may be, one under way in each other partition."""
    found = outcomes(world)
    assert found.keys() == {f"u{n}" for n in range(OFFERS)}
    assert set(inbox.copies.values()) == {1}
    unknown = [user for user, outcome in found.items() if outcome == "unknown"]
    assert doubtful <= len(unknown) <= PARTITIONS
    assert {found[user] for user in found.keys() - set(unknown)} == {"sent"}


def test_it_is_killed_after_an_e_mail_went_out_and_does_not_send_it_again(
    filled: World, inbox: Inbox
) -> None:
    with filled.worker(STAGE, "after-mail=exit:7") as worker:
        assert worker.ends() == 137
    finish(filled)
    assert len(inbox.received) == OFFERS
    assert_at_most_one_each(filled, inbox, doubtful=1)


def test_redis_is_away_for_a_second_after_e_mails_were_accepted_and_none_is_unknown(
    filled: World, inbox: Inbox
) -> None:
    url = urlsplit(filled.redis)
    with Proxy(port := free_port(), url.port or 0) as proxy:

        def be_away(count: int) -> None:
            if count in {5, 30}:
                proxy.stall()
                proxy.reset()
                threading.Timer(1.0, proxy.go_on).start()

        inbox.accepted = be_away
        with filled.worker(STAGE, REDIS=filled.redis.replace(f":{url.port}", f":{port}")) as worker:
            filled.wait_until_applied(KIND, offers_of(filled.case), worker)
            assert worker.ends_on_sigterm() == 0
    assert len(inbox.received) == OFFERS
    assert set(outcomes(filled).values()) == {"sent"}


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_it_is_killed_at_each_step_in_turn(filled: World, inbox: Inbox, step: str) -> None:
    with filled.worker(STAGE, f"{step}=exit:1") as worker:
        assert worker.ends() == 137
    finish(filled)
    assert_at_most_one_each(filled, inbox, step in {"after-begun", "after-mail"})


@pytest.mark.parametrize("name", ["SMTP_HOST", "SMTP_FROM", "OFFERS_LETTER"])
def test_without_what_it_needs_it_refuses_in_one_line(filled: World, name: str) -> None:
    with filled.worker(STAGE, **{name: ""}) as worker:
        assert worker.ends() == 3
    assert f"PIPELINE_{name} is not set" in worker.log.read_text().splitlines()[-1]
