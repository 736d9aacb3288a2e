"""HTTP as one more source of events: checked, and acknowledged only after the broker did.

A body may be sent again, whatever became of it, and counts once: each event has an id of its
sender's, and of one entity there are no more than the fold still knows after as many others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus

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
    """The events that Kafka has stored, by their ids, in their order."""

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
                summary=(
                    "Send one event, or one on each line, each with an event_id, and at most "
                    f"{self._case.events_at_once} of one {self._case.entity}"
                ),
                access=Access.EVENTS,
                run=self._send,
                body=(
                    Content(event_schema(self._case, ("event_id",)), example),
                    Content({"type": "string"}, f"{orjson.dumps(example).decode()}\n", _NDJSON),
                ),
                answer=Content(Accepted, {"accepted": 1, "event_ids": [example["event_id"]]}),
                status=HTTPStatus.ACCEPTED,
                problems={
                    HTTPStatus.SERVICE_UNAVAILABLE: (
                        "Some of the events may be stored: send the same body again after "
                        "Retry-After, and each counts once"
                    ),
                },
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
        lines = defaultdict[bytes | None, list[int]](list)
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
                lines[record.key].append(line)
        issues += self._too_many(lines)
        if issues or not records:
            raise wrong(*(issues or [Issue("no_events")]))
        return records, ids

    def _record(self, raw: bytes, now: int) -> tuple[OutRecord, str]:
        """The bytes as they came, and their event id. Raises DataError, also where there is none.

        An id of ours would be another one when the sender, who was not answered, tries again.
        """
        entity = self._validator.canonical(raw, now).entity
        event_id = orjson.loads(raw).get("event_id")
        if event_id is None:
            raise DataError("missing_event_id", "event_id")
        return OutRecord(entity.encode(), raw), event_id

    def _too_many(self, lines: Mapping[bytes | None, Sequence[int]]) -> Iterator[Issue]:
        """One issue for each entity with more events than can be sent again."""
        most, entity = self._case.events_at_once, self._case.entity
        for first, *others in lines.values():
            if len(others) >= most:
                yield Issue(
                    "too_many_of_one_entity",
                    entity,
                    f"{len(others) + 1} events of the {entity} of line {first}, at most {most} in "
                    "one body: send this line and those behind it in another, after this one",
                    others[most - 1],
                )
