"""I2 and I3: every serving record and every inference is there once, with its right content."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import isclose
from typing import Any

import numpy as np

from tests.faults.checks.state import RELATIVE, ROUNDED
from tests.faults.evidence import Evidence
from tests.faults.findings import Verdict
from tests.faults.logs import Record, Topic
from tests.faults.oracle import Cause
from tests.faults.origins import Effective, origin_of

_OF_THE_MOMENT = ("scored_at", "feature_age")


def serving_records_are_the_oracles(evidence: Evidence) -> Verdict:
    """I2: what the log of events causes, in its order, and every copy of it has equal bytes."""
    found = evidence.effective(evidence.serving)
    wanted = {number: folded.causes for number, folded in evidence.folded.items()}
    problems = [
        *_unequal_copies(evidence.serving, lambda record: record.value),
        *(
            f"{evidence.serving.name}/{number}: {problem}"
            for number, causes in wanted.items()
            for problem in _wrong_requests(causes, found[number])
        ),
    ]
    return Verdict.of("I2", sum(map(len, wanted.values())), problems)


def one_inference_per_serving_record(evidence: Evidence) -> Verdict:
    """I3: of the same features, with what the model in service gives; an erasure as it is."""
    found = evidence.effective(evidence.inferences)
    problems = [*_unequal_copies(evidence.inferences, _lasting)]
    checked = 0
    for number, rows in evidence.effective(evidence.serving).items():
        checked += len(rows)
        place = f"{evidence.inferences.name}/{number}"
        problems += [f"{place}: {one}" for one in _wrong_inferences(rows, found[number])]
    return Verdict.of("I3", checked, [*problems, *_not_the_models(evidence, found)])


def _unequal_copies(topic: Topic, lasting: Any) -> Iterator[str]:
    first: dict[str, object] = {}
    for record in topic:
        origin = str(origin_of(topic.id, record))
        if first.setdefault(origin, lasting(record)) != lasting(record):
            yield f"{topic.name}: two records of the origin {origin} differ"


def _lasting(record: Record) -> dict[str, Any]:
    """What of an inference is the same whenever it is made."""
    content = json.loads(record.value or b"")
    return {name: value for name, value in content.items() if name not in _OF_THE_MOMENT}


def _missing_or_extra(wanted: Sequence[object], found: Sequence[Effective]) -> Iterator[str]:
    """Whether the origins are these, in this order."""
    origins = [one.origin for one in found]
    if origins == [*wanted]:
        return
    yield from (f"nothing of the origin {one}" for one in wanted if one not in {*origins})
    yield from (f"something of the origin {one}" for one in origins if one not in {*wanted})
    if {*origins} == {*wanted}:
        yield "not in the order of the log before it"


def _wrong_requests(causes: Sequence[Cause], found: Sequence[Effective]) -> Iterator[str]:
    yield from _missing_or_extra([cause.origin for cause in causes], found)
    records = {one.origin: one.record for one in found}
    for cause in causes:
        record = records.get(cause.origin)
        if record is not None and not _is_request(record, cause):
            yield f"{cause.origin} asks for {record.value!r}, the oracle for {cause.content}"


def _is_request(record: Record, cause: Cause) -> bool:
    content = json.loads(record.value or b"")
    if record.key != cause.entity.encode():
        return False
    if cause.content is None:
        erased = {"control": "erase", "entity": cause.entity}
        return _is_erasure(record) and bool(content == erased)
    features, wanted = content.pop("features"), dict(cause.content)
    return _near(features, wanted.pop("features")) and bool(content == wanted)


def _is_erasure(record: Record) -> bool:
    return record.header("kind") == b"control"


def _near(found: Mapping[str, float], wanted: Mapping[str, float]) -> bool:
    return found.keys() == wanted.keys() and all(
        isclose(found[name], wanted[name], rel_tol=RELATIVE if name.endswith(ROUNDED) else 0.0)
        for name in wanted
    )


def _wrong_inferences(requests: Sequence[Effective], found: Sequence[Effective]) -> Iterator[str]:
    yield from _missing_or_extra([one.origin for one in requests], found)
    records = {one.origin: one.record for one in found}
    for origin, request in requests:
        record = records.get(origin)
        if record is None:
            continue
        if _is_erasure(request):
            same = (record.key, record.value, record.header("kind"))
            if same != (request.key, request.value, b"control"):
                yield f"{origin}: the erasure is not the one of {request.key!r}"
            continue
        content, wanted = _lasting(record), json.loads(request.value or b"")
        differs = [name for name, value in wanted.items() if content.get(name) != value]
        if differs or content["id"] != str(origin) or record.key != request.key:
            yield f"{origin}: the inference is not of its serving record ({differs})"


def _not_the_models(evidence: Evidence, found: Mapping[int, Sequence[Effective]]) -> Iterator[str]:
    model = evidence.model
    records = [one.record for some in found.values() for one in some]
    rows = [json.loads(one.value or b"") for one in records if not _is_erasure(one)]
    inputs = [[row["features"][name] for name in evidence.case.inputs] for row in rows]
    scores = model.score(np.asarray(inputs, dtype=np.float64)).tolist() if inputs else []
    for row, score in zip(rows, scores, strict=True):
        given = (row["probability"], row["decision"], row["model_hash"])
        if given != (score, model.decide(score), model.hash):
            yield f"{row['id']}: the model gives {score}, the inference says {given}"
