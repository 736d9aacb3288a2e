"""A run in figures: how many records, how fast, and how good the scores were. Pure."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cli.demo.facts import RunFacts
from cli.selfcheck.inferences import inputs
from cli.selfcheck.logged import Logged, integers, once
from cli.selfcheck.result import Figures, Files, Latency, Quality, Sharpness
from pipeline.declaration import UseCase
from serving.model import CHURN
from training.optimum import OPTIMA

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_SURE = float(np.finfo(np.float64).eps)  # log(0) would make one wrong score count for all


def figures(case: UseCase, logged: Logged, run: RunFacts, files: Files) -> Figures:
    """What the report says of `run`."""
    events, inferences = once(logged.incoming), once(logged.inferences)
    rejected = Counter(once(logged.rejected)["reason"].to_pylist())
    steady = _of_phase(inferences, run.latency.began)
    every, last = qualities(case, events, inferences, _best_possible(case, inferences))
    return Figures(
        is_scored=case.model is not None,
        models=_models(inferences),
        events=len(events),
        entities=pc.count_distinct(events[case.entity]).as_py(),
        inferences=len(inferences),
        rejected=dict(rejected.most_common()),
        to_feature=_latency(_featured_at(steady) - _micros(steady["origin_time"])),
        to_score=_latency(_micros(steady["timestamp"]) - _micros(steady["origin_time"])),
        every_score=every,
        last_score=last,
        files=files,
    )


def qualities(
    case: UseCase, events: pa.Table, inferences: pa.Table, best: Floats | None
) -> tuple[Quality | None, Quality | None]:
    """Of every inference about an entity with an outcome, and of each such entity's last one.

    `best` has the best possible probability of each, where it is known.
    """
    outcomes = _outcomes(case, events)
    entities = inferences[case.entity].to_pylist()
    known = np.asarray([entity in outcomes for entity in entities], np.bool_)
    churned = np.asarray([outcomes.get(entity) == 1 for entity in entities], np.bool_)
    last = np.zeros(len(entities), np.bool_)
    last[[*{entity: row for row, entity in enumerate(entities)}.values()]] = True
    said = np.asarray(pc.equal(inferences["decision"], CHURN).fill_null(fill_value=False))
    probability = inferences["probability"].to_numpy()
    both = (known, known & last)
    every_score, last_score = (
        _quality(churned[of], probability[of], said[of], None if best is None else best[of])
        for of in both
    )
    return every_score, last_score


def auc(happened: Flags, probability: Floats) -> float | None:
    """The share of pairs, of one who did and one who did not, that are ranked right; ties half."""
    ones = int(happened.sum())
    zeros = len(happened) - ones
    if not ones or not zeros:
        return None
    _, rank, count = np.unique(probability, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count - 1) / 2  # the mean rank, from 1, of equal probabilities
    return float((middle[rank][happened].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def _quality(
    happened: Flags, probability: Floats, said: Flags, best: Floats | None
) -> Quality | None:
    if not len(happened):
        return None
    return Quality(
        scores=len(happened),
        accuracy=float((said == happened).mean()),
        reached=_sharpness(happened, probability),
        best=None if best is None else _sharpness(happened, best),
    )


def _sharpness(happened: Flags, probability: Floats) -> Sharpness:
    likelihood = np.where(happened, probability, 1 - probability)
    log_loss = float(-np.log(np.clip(likelihood, _SURE, 1 - _SURE)).mean())
    return Sharpness(log_loss, auc(happened, probability))


def _best_possible(case: UseCase, inferences: pa.Table) -> Floats | None:
    """The exact posterior of churn given each inference's inputs, where the world is known."""
    known = OPTIMA.get(case.name)
    return None if known is None else known.of_inputs(case, inputs(case, inferences))


def _models(inferences: pa.Table) -> tuple[str, ...]:
    named = inferences.group_by(["model", "version"]).aggregate([])
    return tuple(sorted(f"{one['model']} {one['version']}" for one in named.to_pylist()))


def _outcomes(case: UseCase, events: pa.Table) -> dict[str, int]:
    """The last outcome that was logged of each entity; of none where none is declared."""
    if not case.outcome:
        return {}
    labelled = events.filter(pc.is_valid(events[case.outcome]))
    columns = (labelled[case.entity].to_pylist(), labelled[case.outcome].to_pylist())
    return dict(zip(*columns, strict=True))


def _of_phase(inferences: pa.Table, began: int) -> pa.Table:
    """The inferences whose cause arrived at `began` (microseconds) or later."""
    caused_at = inferences["origin_time"].cast(pa.int64())
    return inferences.filter(pc.greater_equal(caused_at, began // 1000))


def _featured_at(inferences: pa.Table) -> Floats:
    """When the features of each were appended to the topic that `serving` reads, microseconds."""
    age: Floats = inferences["feature_age"].to_numpy()
    return integers(inferences["scored_at"]) - age * 1e6


def _micros(milliseconds: pa.ChunkedArray) -> Floats:
    return integers(milliseconds) * np.float64(1e3)


def _latency(micros: Floats) -> Latency | None:
    if not len(micros):
        return None
    p50, p99 = np.percentile(micros / 1e3, [50, 99])
    return Latency(len(micros), float(p50), float(p99))
