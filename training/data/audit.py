"""What a dataset must not give away: the answer, who it is about, or what came later. Pure.

Each check gives a sentence for each thing that it finds; `refuse` makes them the run's failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.metrics import roc_auc_score

from pipeline.declaration import UseCase
from pipeline.declaration.use_case import ENVELOPE
from pipeline.errors import PipelineError
from pipeline.times import parse_time
from training.data.dataset import AS_OF, ID, LABEL, LABEL_FROM, LABEL_UNTIL, OWN, table_of
from training.table import Integers, Table
from training.witness import AGE

PLAUSIBLE_AUC = 0.99
_LEAST_USERS = 20  # of each label: with fewer, a perfect order may be chance


class Leak(PipelineError):
    """A dataset that gives away what a model must not know; says what."""


def audit(
    case: UseCase, rows: pa.Table, source: dict[str, Any], limit: float = PLAUSIBLE_AUC
) -> list[str]:
    """All that one dataset can be found guilty of; `limit` is for a single feature's AUC."""
    features: Sequence[str] = source["features"]
    return [
        *forbidden_inputs(case, features),
        *implausible_features(table_of(rows, source), features, limit),
        *untimely_rows(rows, parse_time(source["until"])),
    ]


def refuse(findings: Sequence[str]) -> None:
    """Raises Leak if there are any."""
    if findings:
        raise Leak("the audit found a leak: " + "; ".join(findings))


def forbidden_inputs(case: UseCase, features: Sequence[str]) -> Iterator[str]:
    """Inputs that are an outcome, personal, or say whom or which record a row is about."""
    declared = [one for event in case.events for one in event.fields]
    kinds = {
        **dict.fromkeys((case.entity, "origin", *ENVELOPE, *OWN), "no feature of a user"),
        **dict.fromkeys((AGE, *(one.name for one in declared if one.personal)), "personal"),
        **dict.fromkeys((one.name for one in declared if one.outcome), "an outcome"),
    }
    return (f"the input {name} is {kinds[name]}" for name in features if name in kinds)


def implausible_features(table: Table, features: Sequence[str], limit: float) -> Iterator[str]:
    """Single features that rank the rows by their label as well as `limit` or better.

    Says nothing of fewer than 20 users of either label.
    """
    if min(_users_by_label(table)) < _LEAST_USERS:
        return
    for column, name in enumerate(features):
        auc = single_auc(table, column)
        if auc >= limit:
            yield f"the input {name} alone has an AUC of {auc:.4f}, from {limit:g} on implausible"


def shared_users(one: Table, other: Table) -> Iterator[str]:
    """Users that have a row in both of two parts, of which none may know the other's."""
    names = [{part.entities[user] for user in np.unique(part.users)} for part in (one, other)]
    both = names[0] & names[1]
    if both:
        yield f"{len(both):,} users have rows in both parts"


def untimely_rows(rows: pa.Table, until: int) -> Iterator[str]:
    """Rows from behind the cut, or from the time that decides their label; labels not yet known.

    `until` is the cut, in microseconds. And rows that stand there twice, or without a label.
    """
    as_of, begun, known = (_micros(rows[name]) for name in (AS_OF, LABEL_FROM, LABEL_UNTIL))
    counts = {
        "are from behind the cut": pc.greater_equal(as_of, until),
        "are from within the time that decides their label": pc.greater(as_of, begun),
        "have a label that is not known at the cut": pc.greater_equal(known, until),
        "have no label that is 0 or 1": pc.invert(pc.is_in(rows[LABEL], pa.array([0, 1]))),
    }
    for problem, where in counts.items():
        found = pc.sum(where).as_py()
        if found:
            yield f"{found:,} rows {problem}"
    twice = len(rows) - pc.count_distinct(rows[ID]).as_py()
    if twice:
        yield f"{twice:,} rows stand there more than once"


def single_auc(table: Table, column: int) -> float:
    """How well one feature alone ranks the rows by label, whichever way round: from 0.5 to 1.

    Raises ValueError where all have one label.
    """
    auc = float(roc_auc_score(table.labels, table.inputs[:, column]))
    return max(auc, 1 - auc)


def _users_by_label(table: Table) -> tuple[int, int]:
    def users(label: int) -> Integers:
        return np.unique(table.users[table.labels == label])

    return len(users(0)), len(users(1))


def _micros(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.int64())
