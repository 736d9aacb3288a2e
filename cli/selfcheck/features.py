"""Redis against the log: the features recomputed, the fold run again, and the markers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isclose

from cli.selfcheck.broker import Topic
from cli.selfcheck.held import Hash, Held, absent_or_extra, called, differences
from cli.selfcheck.independent import Recomputed
from cli.selfcheck.refold import Refolded
from cli.selfcheck.result import Check
from pipeline.declaration import UseCase
from pipeline.marker import BEFORE_FIRST, Marker

_RELATIVE = 1e-9
_ROUNDED = ("_sum", "_mean", "_var")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the markers of one stage should stand: at the end of `topic`, with these lookups."""

    stage: str
    topic: Topic
    held: Held
    lookups: Mapping[int, Mapping[str, str]]


def as_recomputed(case: UseCase, recomputed: Recomputed, held: Held) -> Check:
    """Sum, mean and var to a relative 1e-9, all else exactly; and no one else is held."""
    told = (name for one in case.aggregations for name in one.features)
    rounded = {name for name in told if name.endswith(_ROUNDED)}
    tolerances = [(name, _RELATIVE if name in rounded else 0.0) for name in case.features]
    wrong = [*absent_or_extra({*recomputed.entities}, held)]
    for entity, row in zip(recomputed.entities, recomputed.features.tolist(), strict=True):
        found = held.entities.get(entity)
        differences = [] if found is None else [*_far(tolerances, row, found)]
        if differences:
            wrong.append(f"{called(entity)}: {differences[0]}")
    name = "Redis equals a recomputation with pandas"
    return Check.of(name, len(recomputed.entities), "users", wrong)


def as_refolded(refolded: Refolded, held: Held) -> Check:
    """Every field of every hash, byte for byte; and no one else is held."""
    wrong = differences(refolded.hashes, held)
    return Check.of("Redis equals the fold, bit for bit", len(refolded.hashes), "users", wrong)


def markers_at_end(case: UseCase, progress: Sequence[Progress]) -> Check:
    """Every partition that holds a record has a marker, at its last one; else it has none."""
    wrong = [
        f"{one.stage}, partition {number}: {problem}"
        for one in progress
        for number, span in one.topic.spans.items()
        for problem in _misplaced(
            one.held.markers.get(number),
            {
                "topic_id": one.topic.id,
                "fingerprint": case.fingerprint,
                "offset": span.end - 1,
                "lookups": one.lookups.get(number, {}),
            },
        )
    ]
    checked = sum(len(one.topic.spans) for one in progress)
    return Check.of("markers stand at the end of the topics", checked, "markers", wrong)


def _far(
    tolerances: Sequence[tuple[str, float]], wanted: Sequence[float], found: Hash
) -> Iterator[str]:
    for (name, tolerance), value in zip(tolerances, wanted, strict=True):
        text = found.get(name.encode(), b"nothing")
        if not isclose(_number(text), value, rel_tol=tolerance):
            yield f"{name} is {text.decode(errors='replace')}, recomputed {value!r}"


def _number(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")  # equal to nothing


def _misplaced(marker: Marker | None, wanted: Mapping[str, object]) -> list[str]:
    if marker is None:
        return [] if wanted["offset"] == BEFORE_FIRST else ["there is no marker"]
    return [
        f"{name} is {getattr(marker, name)!r}, not {value!r}"
        for name, value in wanted.items()
        if getattr(marker, name) != value
    ][:1]
