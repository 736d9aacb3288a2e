"""Inferences against the events that cause them, against the fold, and against the model. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cli.selfcheck.refold import Matrix, Scores
from cli.selfcheck.result import Check
from pipeline.declaration import UseCase
from serving.scorer import Scorer

ModelOf = Callable[[str], Scorer | None]
"""The model of a version; None where there is none."""

_BATCH = 1_000


def one_each(recomputed: Sequence[str], refolded: Sequence[str], inferences: pa.Table) -> Check:
    """Each event that causes a score has exactly one inference, and nothing else has one.

    Which events those are, the recomputation and the fold must agree on. An inference's id is its
    origin.
    """
    times = Counter(inferences["origin"].to_pylist())
    counted, folded = {*recomputed}, {*refolded}
    misnamed = inferences.filter(_differ(inferences["id"], inferences["origin"]))
    wrong = [
        *_each(counted ^ folded, "the recomputation and the fold disagree whether it counts"),
        *_each((counted & folded) - times.keys(), "no inference"),
        *_each(times.keys() - (counted | folded), "an inference of what does not count"),
        *_each({origin for origin, n in times.items() if n > 1}, "more than one inference"),
        *_each(misnamed["origin"].to_pylist(), "another id"),
    ]
    return Check.of("each event to score has one inference", len(counted), "events", wrong)


def as_folded(case: UseCase, scores: Scores, inferences: pa.Table) -> Check:
    """Whom each is about, and the inputs it logs, are the fold's at that event, bit for bit.

    What has no such event is left to `one_each`.
    """
    place = {origin: row for row, origin in enumerate(scores.origins)}
    found = np.asarray([place.get(one, -1) for one in inferences["origin"].to_pylist()], np.int64)
    inferences, rows = inferences.filter(pa.array(found >= 0)), found[found >= 0]
    columns = [case.features.index(name) for name in case.inputs]
    expected = scores.inputs[np.ix_(rows, np.asarray(columns))]
    entities = pa.array([scores.entities[row] for row in rows.tolist()], pa.string())
    differs = (inputs(case, inferences).view(np.int64) != expected.view(np.int64)).any(axis=1)
    differs |= np.asarray(_differ(inferences[case.entity], entities))
    wrong = inferences.filter(pa.array(differs))["origin"].to_pylist()
    problems = [*_each(wrong, "not the entity, or not the features, of the fold")]
    return Check.of("inputs equal the fold, bit for bit", len(rows), "inferences", problems)


def as_modelled(case: UseCase, model_of: ModelOf, inferences: pa.Table) -> Check:
    """Each probability and decision is what the named model gives for the inputs as logged."""
    versions = pc.unique(inferences["version"].fill_null("")).to_pylist()
    wrong = [
        problem
        for version in sorted(versions)
        for problem in _unlike(
            case,
            model_of(version),
            inferences.filter(pc.equal(inferences["version"].fill_null(""), version)),
        )
    ]
    return Check.of("probabilities are the model's", len(inferences), "inferences", wrong)


def inputs(case: UseCase, inferences: pa.Table) -> Matrix:
    """The logged inputs in the model's order; not a number where there is none."""
    columns = [
        inferences[name].cast(pa.float64()).fill_null(math.nan).to_numpy() for name in case.inputs
    ]
    return np.ascontiguousarray(np.column_stack(columns))


def _unlike(case: UseCase, model: Scorer | None, inferences: pa.Table) -> Iterator[str]:
    """What is wrong with the inferences of one version."""
    if model is None:
        return _each(inferences["origin"].to_pylist(), "there is no model of its version")
    differs = np.asarray(_differ(inferences["model_hash"], model.hash))
    matrix = inputs(case, inferences)
    batches = [model.score(matrix[at : at + _BATCH]) for at in range(0, len(matrix), _BATCH)]
    probabilities = np.concatenate([*batches, np.empty(0)])
    differs |= inferences["probability"].to_numpy() != probabilities
    decisions = pa.array([model.decide(one) for one in probabilities.tolist()], pa.string())
    differs |= np.asarray(_differ(inferences["decision"], decisions))
    wrong = inferences.filter(pa.array(differs))["origin"].to_pylist()
    return _each(wrong, "not what the model gives")


def _differ(column: pa.ChunkedArray, other: pa.Array | str) -> pa.ChunkedArray:
    """Where two columns of text differ; nothing differs from every text."""
    return pc.not_equal(column, other).fill_null(fill_value=True)


def _each(origins: Iterable[str], problem: str) -> Iterator[str]:
    return (f"{origin}: {problem}" for origin in sorted(origins))
