"""The mutants, each with the row or the test that is to notice it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults.mutants.build import Edit


@dataclass(frozen=True, slots=True)
class ByRow:
    """A row that must fail, and the promise that it must find broken."""

    number: int
    promise: str

    def __str__(self) -> str:
        return f"row {self.number}, {self.promise}"


@dataclass(frozen=True, slots=True)
class ByTest:
    """A test of the repository that must fail."""

    node: str

    def __str__(self) -> str:
        return self.node.rpartition("::")[2]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One promise broken: `edits` break it, `caught` must notice."""

    name: str
    edits: tuple[Edit, ...]
    caught: ByRow | ByTest


OUTPUTS_AFTER_STATE = Mutant(
    "outputs after state",
    (
        Edit(
            "pipeline/stateful.py",
            """        await self.outputs.deliver(applied.outputs)
        self.faults.hit("after-outputs")
""",
            "",
        ),
        Edit(
            "pipeline/stateful.py",
            """        self.faults.hit("after-write")
""",
            """        self.faults.hit("after-write")
        await self.outputs.deliver(applied.outputs)
""",
        ),
    ),
    ByTest(
        "tests/stream_features/test_zombies.py::test_redis_equals_the_fold_and_no_score_is_lost"
    ),
)

IN_FLIGHT = Mutant(
    "several batches in flight",
    (
        Edit(
            "pipeline/kafka/outputs.py",
            """        written = 0
        while written < len(records):
            if self._broken:
                raise InfrastructureError("this producer has failed before")
            try:
                written += await _send_batch(self._producer, target, records, written)
            except BaseException:
                self._broken = True
                raise
""",
            """        futures, written = [], 0
        while written < len(records):
            batch = self._producer.create_batch()
            count = _fill(batch, records, written)
            where = {"partition": target.partition}
            futures.append(await self._producer.send_batch(batch, target.topic, **where))
            written += count
        try:
            await asyncio.gather(*futures)
        except KafkaError as error:
            self._broken = True
            raise Fatal(_refused(target, records[0], error)) from error
""",
        ),
    ),
    ByTest("tests/pipeline/test_outputs.py::test_after_a_refused_first_record_nothing_is_sent"),
)

IMMEDIATE_CAUSE = Mutant(
    "origin of the immediate cause",
    (
        Edit(
            "pipeline/origin.py",
            "    carried = header_in(record.headers, HEADER)\n",
            "    carried = None\n",
        ),
        Edit(
            "pipeline/origin.py",
            "    if len(headers) == len(_PASSED_ON) and ",
            "    if not headers and ",
        ),
        Edit("pipeline/origin.py", "header[0] in _PASSED_ON]", "header[0] in _PASSED_ON[1:]]"),
    ),
    ByRow(1, "I1"),
)

NO_GATE = Mutant(
    "no gate on assignment",
    (
        Edit(
            "pipeline/kafka/feed.py",
            """            position = await self._positions.position(place)
""",
            """            asyncio.ensure_future(self._positions.position(place))
            position = place.start
""",
        ),
    ),
    ByTest(
        "tests/pipeline/test_feed.py::test_nothing_is_delivered_before_the_position_is_answered"
    ),
)

RENAME = Mutant(
    "rename instead of link",
    (
        Edit("inference_logger/place.py", "os.link(", "os.rename("),
        Edit("inference_logger/files.py", "if works(place, names[0], names[1]):", "if place:"),
    ),
    ByRow(17, "I4"),
)

NO_MARKER = Mutant(
    "no marker",
    (
        Edit("pipeline/store/write.lua", "if (found[i] or '') ~= ARGV[i] then", "if false then"),
        Edit(
            "pipeline/stateful.py",
            "        if self.clock.monotonic() - self._checked_at < _CHECK_SECONDS:\n",
            "        if self.name:\n",
        ),
    ),
    ByRow(7, "I1"),
)

COMMIT_FIRST = Mutant(
    "commit before effects",
    (
        Edit(
            "event_handler/service.py",
            """            await self.outputs.deliver(_deliveries(handled))
            self.faults.hit("after-outputs")
        for batch, outcomes in zip(new, handled, strict=True):
            self.positions.came_out(batch, _count(outcomes))
""",
            """            for batch, outcomes in zip(new, handled, strict=True):
                self.positions.came_out(batch, _count(outcomes))
            await self.positions.commit()
            self.faults.hit("after-outputs")
            await self.outputs.deliver(_deliveries(handled))
""",
        ),
    ),
    ByTest(
        "tests/event_handler/test_service.py::test_a_crash_at_any_point_loses_and_doubles_nothing"
    ),
)

MUTANTS = (
    OUTPUTS_AFTER_STATE,
    IN_FLIGHT,
    IMMEDIATE_CAUSE,
    NO_GATE,
    RENAME,
    NO_MARKER,
    COMMIT_FIRST,
)
