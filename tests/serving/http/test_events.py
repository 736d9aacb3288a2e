"""Events over HTTP: checked as everywhere, and acknowledged when Kafka has them."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from pipeline.errors import InfrastructureError
from pipeline.events import EventDecoder
from pipeline.fold import DUPLICATE, Fold
from pipeline.partitioner import partition_of
from pipeline.records import Deliveries, OutRecord
from pipeline.settings import HttpSettings, KafkaSettings
from pipeline.state import EntityState
from pipeline.times import HOUR, format_time
from pipeline.validation import Validator
from serving.http.source import SourceTopic
from tests.serving.http.rig import NOW, PARTITIONS, Service, reasons
from tests.support.fakes import FakeWriter
from tests.support.kafka import Cluster
from use_cases.first_day_churn import USE_CASE


def event(user: str = "u1", **fields: Any) -> dict[str, Any]:
    envelope = {"event_type": "bet", "event_time": format_time(NOW - HOUR), "user_id": user}
    return {**envelope, "event_id": "e", "bet_amount": 5, **fields}


def some(many: int, user: str = "u1") -> list[dict[str, Any]]:
    """Events of one user."""
    return [event(user, event_id=f"{user}-{n}") for n in range(many)]


def ndjson(*events: dict[str, Any]) -> bytes:
    return b"\n".join(map(orjson.dumps, events))


@pytest.fixture
def service() -> Service:
    return Service()


async def test_an_event_with_an_id_is_stored_as_it_came(service: Service) -> None:
    raw = (
        b'{"user_id": "u1",  "event_type": "new_bet", "bet_amount": 5.0, "event_id": "e1", '
        b'"event_time": "2026-01-02 03:04:05", "more": [1, null]}'
    )
    async with service.caller() as caller:
        answer = await caller.post("/events", content=raw)
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 1, "event_ids": ["e1"]}
    assert service.sent == [OutRecord(b"u1", raw)]


async def test_an_event_without_an_id_is_refused_for_it_could_not_be_sent_again(
    service: Service,
) -> None:
    nameless = {name: value for name, value in event().items() if name != "event_id"}
    async with service.caller() as caller:
        answer = await caller.post("/events", content=ndjson(event(), nameless))
    assert (answer.status_code, reasons(answer)) == (422, [("event_id", "missing_event_id")])
    assert answer.json()["errors"][0]["line"] == 2
    assert service.sent == []


MOST = USE_CASE.events_at_once


async def test_as_many_events_of_a_user_are_taken_as_can_be_sent_again(service: Service) -> None:
    async with service.caller() as caller:
        answer = await caller.post("/events", content=ndjson(*some(MOST), *some(MOST, "u2")))
    assert answer.status_code == 202
    assert len(service.sent) == 2 * MOST


async def test_more_events_of_a_user_are_refused_by_their_lines(service: Service) -> None:
    body = ndjson(event("secret-2"), *some(MOST + 4, "secret-1"))
    async with service.caller() as caller:
        answer = await caller.post("/events", content=body)
    assert answer.status_code == 422
    (issue,) = answer.json()["errors"]
    assert (issue["line"], issue["reason"]) == (2 + MOST, "too_many_of_one_entity")
    assert f"{MOST + 4} events of the user_id of line 2, at most {MOST}" in issue["detail"]
    assert "secret" not in answer.text
    assert service.sent == []


async def test_the_document_says_that_ids_are_needed_and_what_to_do_after_a_503(
    service: Service,
) -> None:
    async with service.caller() as caller:
        told = (await caller.get("/openapi.json")).json()["paths"]["/events"]["post"]
    for event_type in told["requestBody"]["content"]["application/json"]["schema"]["oneOf"]:
        assert "event_id" in event_type["required"]
    assert f"at most {MOST} of one user_id" in told["summary"]
    assert "send the same body again" in told["responses"]["503"]["description"]


async def test_lines_are_stored_in_their_order_on_their_users_partitions(service: Service) -> None:
    events = [event(f"u{n % 5}", event_id=f"e{n}") for n in range(20)]
    async with service.caller() as caller:
        answer = await caller.post("/events", content=b"\n\n" + ndjson(*events) + b"\r\n\n")
    assert answer.json()["event_ids"] == [f"e{n}" for n in range(20)]
    for target, records in service.writer.logs.items():
        names = [orjson.loads(record.value or b"")["event_id"] for record in records]
        assert names == sorted(names, key=lambda name: int(name[1:]))
        placed = {partition_of(record.key or b"", PARTITIONS) for record in records}
        assert placed == {target.partition}
    assert len(service.sent) == 20


async def test_one_bad_line_and_nothing_is_stored(service: Service) -> None:
    body = ndjson(event(), event(bet_amount="5"), event("", event_id="e3")) + b"\n{"
    async with service.caller() as caller:
        answer = await caller.post("/events", content=body)
    assert answer.status_code == 422
    assert [
        (one["line"], *pair)
        for one, pair in zip(answer.json()["errors"], reasons(answer), strict=True)
    ] == [
        (2, "bet_amount", "not_a_number"),
        (3, "user_id", "empty_entity"),
        (4, "", "not_json"),
    ]
    assert service.sent == []


@pytest.mark.parametrize("body", [b"", b"\n \n"])
async def test_a_body_without_events_is_refused(service: Service, body: bytes) -> None:
    async with service.caller() as caller:
        answer = await caller.post("/events", content=body)
    assert (answer.status_code, reasons(answer)) == (422, [("", "no_events")])


async def test_a_time_ahead_of_the_clock_is_refused(service: Service) -> None:
    async with service.caller() as caller:
        answer = await caller.post("/events", json=event(event_time=format_time(NOW + HOUR)))
    assert reasons(answer) == [("event_time", "implausible_event_time")]


async def test_a_reason_does_not_repeat_what_was_sent(service: Service) -> None:
    registered = event(event_type="registration", name=["Jane Secret"], postcode="Jane Secret")
    async with service.caller() as caller:
        answer = await caller.post("/events", json=registered)
    assert answer.status_code == 422
    assert "Secret" not in answer.text


async def test_what_kafka_did_not_acknowledge_is_not_accepted(service: Service) -> None:
    service.writer.failures = [0]
    async with service.caller() as caller:
        answer = await caller.post("/events", json=event())
    assert (answer.status_code, reasons(answer)) == (503, [("", "unavailable")])


async def test_after_a_failure_the_next_one_is_tried_again(service: Service) -> None:
    service.writer.failures = [0]
    async with service.caller() as caller:
        await caller.post("/events", json=event())
        assert (await caller.post("/events", json=event())).status_code == 202


class SlowWriter(FakeWriter):
    """Acknowledges only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.began = asyncio.Event()
        self.let = asyncio.Event()

    async def deliver(self, deliveries: Deliveries) -> None:
        self.began.set()
        await self.let.wait()
        await super().deliver(deliveries)


async def test_what_goes_on_behind_a_503_and_is_sent_again_counts_once() -> None:
    writer, body = SlowWriter(), ndjson(*some(MOST))
    service = Service(writer=writer, settings=HttpSettings(seconds=0.1))
    async with service.caller() as caller:
        for _ in range(2):
            answer = await caller.post("/events", content=body)
            assert (answer.status_code, reasons(answer)) == (503, [("", "took_too_long")])
        writer.let.set()
        assert (await caller.post("/events", content=body)).status_code == 202
    fold, decoder, state = Fold(USE_CASE), EventDecoder(USE_CASE), EntityState.empty(USE_CASE)
    outcomes = [
        fold.apply(state, decoder.decode(Validator(USE_CASE).canonical(one.value, NOW).value), {})
        for one in service.sent
    ]
    assert [one.reason == DUPLICATE for one in outcomes] == [False] * MOST + [True] * 2 * MOST


async def one_partition() -> int:
    return 1


async def test_nothing_is_acknowledged_before_kafka_did() -> None:
    writer = SlowWriter()
    source = SourceTopic(writer, "source", one_partition)
    sending = asyncio.create_task(source.send([OutRecord(b"u", b"1")]))
    await writer.began.wait()
    assert not sending.done()
    writer.let.set()
    await sending


async def test_what_comes_during_a_delivery_goes_out_together_in_the_next() -> None:
    writer = SlowWriter()
    source = SourceTopic(writer, "source", one_partition)
    first = asyncio.create_task(source.send([OutRecord(b"u", b"0")]))
    await writer.began.wait()
    others = [asyncio.create_task(source.send([OutRecord(b"u", b"%d" % n)])) for n in (1, 2, 3)]
    await asyncio.sleep(0)
    writer.let.set()
    await asyncio.gather(first, *others)
    assert len(writer.deliveries) == 2
    (log,) = writer.logs.values()
    assert [record.value for record in log] == [b"0", b"1", b"2", b"3"]


async def test_a_caller_who_gives_up_stops_nobody_else_s_events() -> None:
    writer = SlowWriter()
    source = SourceTopic(writer, "source", one_partition)
    leaving = asyncio.create_task(source.send([OutRecord(b"u", b"0")]))
    staying = asyncio.create_task(source.send([OutRecord(b"u", b"1")]))
    await writer.began.wait()
    leaving.cancel()
    writer.let.set()
    await staying


async def test_all_who_wait_hear_of_a_failure() -> None:
    writer = FakeWriter()
    writer.failures = [0]
    source = SourceTopic(writer, "source", one_partition)
    sent = [source.send([OutRecord(b"u", b"%d" % n)]) for n in range(3)]
    results = await asyncio.gather(*sent, return_exceptions=True)
    assert all(isinstance(one, InfrastructureError) for one in results)


async def test_real_kafka_has_an_event_once_it_is_accepted(kafka: str, topic_prefix: str) -> None:
    cluster = Cluster(kafka)
    topic = await asyncio.to_thread(cluster.create, f"{topic_prefix}source", 3)
    source = SourceTopic.on(KafkaSettings(kafka), topic)
    await source.send([OutRecord(b"u%d" % n, b"%d" % n) for n in range(10)])
    await source.close()
    stored = await asyncio.to_thread(cluster.read, topic)
    found = {
        record.value: (partition, record.key) for partition, log in stored.items() for record in log
    }
    assert found == {b"%d" % n: (partition_of(b"u%d" % n, 3), b"u%d" % n) for n in range(10)}
