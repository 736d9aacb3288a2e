"""I1: Redis equals the oracle, and each marker is the end of its log."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from math import isclose

from cli.selfcheck.held import Held
from pipeline.marker import Marker
from tests.faults.evidence import Evidence
from tests.faults.findings import Verdict
from tests.faults.logs import Record, Topic
from tests.faults.oracle import Life
from tests.faults.origins import Highest, is_new, origin_of

RELATIVE = 1e-9
ROUNDED = ("_sum", "_mean", "_var")

Entity = tuple[int, str]


def redis_equals_the_oracle(evidence: Evidence) -> Verdict:
    """Features, latest scores, and both stages' markers."""
    lives = {
        (number, entity): life
        for number, folded in evidence.folded.items()
        for entity, life in folded.lives.items()
    }
    latest = _latest(evidence)
    lookups = {number: folded.lookups for number, folded in evidence.folded.items()}
    nothing: dict[int, dict[str, str]] = {number: {} for number in lookups}
    problems = [
        *_absent_or_extra("features", set(lives), evidence.features),
        *_absent_or_extra("a score", set(latest), evidence.scores),
        *_wrong_features(evidence, lives),
        *_wrong_scores(evidence, latest),
        *_wrong_markers(evidence, evidence.features, evidence.incoming, lookups),
        *_wrong_markers(evidence, evidence.scores, evidence.serving, nothing),
    ]
    return Verdict.of("I1", len(lives) + len(latest), problems)


def _absent_or_extra(what: str, wanted: set[Entity], held: Held) -> Iterator[str]:
    found = set(held.entities)
    yield from (f"{entity} has not {what} in Redis" for entity in sorted(wanted - found))
    yield from (f"{entity} has {what} in Redis only" for entity in sorted(found - wanted))


def _wrong_features(evidence: Evidence, lives: Mapping[Entity, Life]) -> Iterator[str]:
    for entity, life in lives.items():
        held = evidence.features.entities.get(entity)
        if held is None:
            continue
        wanted = evidence.oracle.stored(life)
        m2 = evidence.oracle.m2(life)
        if set(held) != {*(name.encode() for name in wanted), b"m2"}:
            yield f"{entity} has the fields {sorted(held)}"
            continue
        for name, value in wanted.items():
            if not _equal(name, held[name.encode()], value):
                yield f"{entity}: {name} is {held[name.encode()]!r}, the oracle says {value!r}"
        stored = struct.unpack(f"<{len(m2)}d", held[b"m2"])
        if not all(isclose(*pair, rel_tol=RELATIVE) for pair in zip(stored, m2, strict=True)):
            yield f"{entity}: m2 is {stored}, the oracle says {m2}"


def _equal(name: str, held: bytes, wanted: float | bytes) -> bool:
    if isinstance(wanted, bytes):
        return held == wanted
    return isclose(float(held), wanted, rel_tol=RELATIVE if name.endswith(ROUNDED) else 0.0)


def _latest(evidence: Evidence) -> dict[Entity, list[Record]]:
    """All copies of each entity's last inference, unless it was erased after that."""
    copies: dict[str, list[Record]] = {}
    for record in evidence.inferences:
        copies.setdefault(str(origin_of(evidence.inferences.id, record)), []).append(record)
    latest: dict[Entity, list[Record]] = {}
    for number, rows in evidence.effective(evidence.serving).items():
        for origin, record in rows:
            content = json.loads(record.value or b"")
            if record.header("kind") == b"control":
                latest.pop((number, content["entity"]), None)
            else:
                latest[(number, content[evidence.case.entity])] = copies.get(str(origin), [])
    return latest


def _wrong_scores(evidence: Evidence, latest: Mapping[Entity, Sequence[Record]]) -> Iterator[str]:
    for entity, copies in latest.items():
        held = evidence.scores.entities.get(entity)
        if held is None:
            continue
        found = {name.decode(): value.decode() for name, value in held.items()}
        if found not in [_score(record) for record in copies]:
            yield f"{entity}: the score {found} is not the last inference, nor a copy of it"


def _score(record: Record) -> dict[str, str]:
    """The latest score that an inference leaves."""
    one = json.loads(record.value or b"")
    names = ("probability", "decision", "model", "version", "model_hash")
    times = ("event_time", "as_of", "scored_at")
    return {"inference_id": one["id"], **{name: str(one[name]) for name in (*names, *times)}}


def _wrong_markers(
    evidence: Evidence, held: Held, log: Topic, lookups: Mapping[int, Mapping[str, str]]
) -> Iterator[str]:
    for number, records in log.partitions.items():
        marker = held.markers.get(number)
        if marker is None and not records:
            continue
        place = f"the marker of {log.name}/{number}"
        if marker is None:
            yield f"{place} is missing"
            continue
        highest: Highest = {}
        for record in records:
            is_new(origin_of(log.id, record), highest)
        wanted = {
            "topic_id": log.id,
            "fingerprint": evidence.case.fingerprint,
            "offset": records[-1].offset if records else -1,
            "lookups": lookups[number],
        }
        yield from (f"{place}: {one}" for one in _unlike(marker, wanted))
        if marker.highest.places != highest:
            yield f"{place} has the origins {marker.highest.places}, the oracle says {highest}"


def _unlike(marker: Marker, wanted: Mapping[str, object]) -> Iterator[str]:
    for name, value in wanted.items():
        if getattr(marker, name) != value:
            yield f"{name} is {getattr(marker, name)!r}, not {value!r}"
