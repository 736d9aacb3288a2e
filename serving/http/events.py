"""HTTP as one more source of events: checked, and acknowledged only after the broker did."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
import orjson

from pipeline.clock import Clock
from pipeline.declaration import UseCase
from pipeline.errors import DataError
from pipeline.records import OutRecord
from pipeline.validation import Validator
from serving.http.answers import Answer, as_json
from serving.http.call import Call
from serving.http.operation import Access, Content, Operation
from serving.http.problems import Issue, issue_of, needing, wrong
from serving.http.schemas import event_schema, example_event
from serving.http.source import SourceTopic

_NDJSON = "application/x-ndjson"


class Accepted(msgspec.Struct, frozen=True):
    """The events that Kafka has stored; `event_ids` in their order, new where one had none."""

    accepted: int
    event_ids: list[str]


class Events:
    """The route of one use case's events."""

    def __init__(self, case: UseCase, source: SourceTopic, clock: Clock) -> None:
        self._case = case
        self._source = source
        self._clock = clock
        self._validator = Validator(case)
        self._fields = frozenset(
            {
                *(field.name for event in case.events for field in event.fields),
                *("event_type", "event_time", "event_id", case.entity),
            }
        )

    @property
    def operations(self) -> Sequence[Operation]:
        """For whoever may send events."""
        example = example_event(self._case)
        return (
            Operation(
                method="POST",
                path="/events",
                name="send_events",
                summary="Send one event, or one on each line: all are stored, or none",
                access=Access.EVENTS,
                run=self._send,
                body=(
                    Content(event_schema(self._case), example),
                    Content({"type": "string"}, f"{orjson.dumps(example).decode()}\n", _NDJSON),
                ),
                answer=Content(Accepted, {"accepted": 1, "event_ids": [example["event_id"]]}),
                status=HTTPStatus.ACCEPTED,
            ),
        )

    async def _send(self, call: Call) -> Answer:
        records, ids = self._records(await call.body())
        with needing("Kafka"):
            await self._source.send(records)
        return as_json(Accepted(len(ids), ids), HTTPStatus.ACCEPTED)

    def _records(self, body: bytes) -> tuple[list[OutRecord], list[str]]:
        """The records of all lines and their event ids. Raises Problem naming each bad line."""
        now = self._clock.now()
        records, ids, issues = list[OutRecord](), list[str](), list[Issue]()
        for line, raw in enumerate(body.split(b"\n"), 1):
            if not raw.strip():
                continue
            try:
                record, event_id = self._record(raw, now)
            except DataError as error:
                issues.append(issue_of(error, self._fields, line))
            else:
                records.append(record)
                ids.append(event_id)
        if issues or not records:
            raise wrong(*(issues or [Issue("no_events")]))
        return records, ids

    def _record(self, raw: bytes, now: int) -> tuple[OutRecord, str]:
        """The bytes as they came, if they have an event id; an id is added where there is none.

        So what is sent again after a failure is known by its id.
        """
        entity = self._validator.canonical(raw, now).entity
        event: dict[str, Any] = orjson.loads(raw)
        event_id = event.get("event_id")
        if event_id is None:
            event_id = uuid.uuid4().hex
            raw = orjson.dumps({**event, "event_id": event_id})
        return OutRecord(entity.encode(), raw), event_id
