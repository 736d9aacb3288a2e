"""Training: a table of scores in, the best model that may be shipped out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.manifest import Manifest, sha256_of
from training.candidates import CANDIDATES, Candidate, lookup_columns
from training.conversion import (
    LIMITS,
    PROBABILITIES,
    Limits,
    OnnxScorer,
    Rate,
    Unfit,
    check_limits,
    converted,
    rows_per_second,
)
from training.costs import USUAL, Costs
from training.curves import curves
from training.data.audit import refuse, shared_users
from training.evaluation import calibrations, evaluate
from training.fairness import fairness
from training.optimum import Optimum
from training.search import FOLDS, Track, Tried, best_of_each, search, untracked
from training.table import Table

HELD_OUT = 0.25
HELD_OUT_USERS = "users_held_out"
"""How a manifest's training names the number of users whom the model never saw."""

WITHOUT_LOOKUPS = 0.05

# NumPy is not among them: which one is installed depends on Python, and the bytes do not on it.
_LIBRARIES = ("onnx", "onnxruntime", "scikit-learn", "skl2onnx")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to train, under which version, and what the model must keep to.

    `optimum` is that of the world the table comes from, where it is known.
    """

    case: UseCase
    version: str
    seed: int
    costs: Costs = USUAL
    optimum: Optimum | None = None
    candidates: Sequence[Candidate] = CANDIDATES
    limits: Limits = LIMITS
    rate: Rate = rows_per_second
    track: Track[tuple[int, int]] = untracked


@dataclass(frozen=True, slots=True)
class Parts:
    """The rows to learn from, and those of other users to judge by."""

    learnt: Table
    held_out: Table

    def __post_init__(self) -> None:
        """Raises Leak where a user has rows in both."""
        refuse([*shared_users(self.learnt, self.held_out)])


@dataclass(frozen=True, slots=True)
class Chosen:
    """The best candidate that may be shipped, as it will be, among all that were tried."""

    name: str
    content: bytes
    tried: Sequence[Tried]


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, the manifest that belongs to it, and the curves of a report."""

    manifest: Manifest
    content: bytes
    curves: Mapping[str, Any]


def train(plan: Plan, table: Table, source: dict[str, Any], say: Say) -> Trained:
    """The best candidate by cross-validated log loss, among those that may be shipped.

    It is judged on users who took no part in the choice. `source` says where the table came from.
    Raises Refusal where no candidate is left, and Leak where a user is in both parts.
    """
    parts = split(plan.case, table, plan.seed)
    chosen = _choose(plan, parts, say)
    probabilities = OnnxScorer(chosen.content).score(parts.held_out.inputs)
    drawn = curves(parts.held_out.labels, probabilities, plan.costs.threshold)
    return Trained(_manifest(plan, chosen, parts, source), chosen.content, drawn)


def split(case: UseCase, table: Table, seed: int) -> Parts:
    """Users into two parts by the hash of their name; the same user falls the same way anywhere.

    Of those learnt from, a few lose what was looked up, so that the model knows the default.
    Raises Refusal unless both parts have rows of both labels.
    """
    held_out = table.of_share(HELD_OUT, f"held out {seed}")
    learnt = table.where(~held_out)
    blind = learnt.of_share(WITHOUT_LOOKUPS, f"without lookups {seed}")
    parts = Parts(learnt.with_inputs(lookup_columns(case), blind), table.where(held_out))
    for part in (parts.learnt, parts.held_out):
        if len(np.unique(part.labels)) < 2:  # noqa: PLR2004 - churned and stayed
            raise Refusal("too few users of both kinds", "Train on more users")
    return parts


def _choose(plan: Plan, parts: Parts, say: Say) -> Chosen:
    threshold = plan.costs.threshold
    tried = search(plan.case, parts.learnt, plan.candidates, plan.seed, threshold, plan.track)
    for name, one in best_of_each(tried).items():
        say(f"{name}: log loss {one.log_loss:.4f} in cross-validation")
    for one in tried:
        content = _fit_to_ship(plan, one.candidate, parts, say)
        if content:
            return Chosen(one.candidate.name, content, tried)
    raise Refusal("no candidate may be shipped", "See above why, and train on more users")


def _fit_to_ship(plan: Plan, candidate: Candidate, parts: Parts, say: Say) -> bytes | None:
    """The candidate trained on all there is to learn from; None, and why, if it may not go out."""
    model = candidate.fit(plan.case, parts.learnt, plan.seed)
    inputs = parts.held_out.inputs
    try:
        content = converted(model, inputs, plan.costs.threshold)
        rate = plan.rate(content, inputs)
        check_limits(len(content), rate, plan.limits)
    except Unfit as reason:
        say(f"{candidate.name}: left out: {reason}")
        return None
    say(f"{candidate.name}: chosen; {len(content):,} bytes, {rate:,.0f} rows/s")
    return content


def _manifest(plan: Plan, chosen: Chosen, parts: Parts, source: dict[str, Any]) -> Manifest:
    case, held_out, threshold = plan.case, parts.held_out, plan.costs.threshold
    score = OnnxScorer(chosen.content).score
    probabilities = score(held_out.inputs)
    metrics = evaluate(case, held_out, score, plan.costs, plan.optimum)
    return Manifest(
        use_case=case.name,
        version=plan.version,
        algorithm=chosen.name,
        features=case.inputs,
        probabilities=PROBABILITIES,
        threshold=threshold,
        sha256=sha256_of(chosen.content),
        seed=plan.seed,
        training={**source, **_sizes(parts)},
        metrics={**metrics, "candidates": _candidates(chosen)},
        libraries={name: version(name) for name in _LIBRARIES},
        costs=asdict(plan.costs),
        calibration=calibrations(case, held_out, probabilities, plan.optimum),
        fairness=fairness(case, held_out, probabilities, threshold),
    )


def _candidates(chosen: Chosen) -> dict[str, Any]:
    """What cross-validation said of the best of each kind."""
    return {name: one.described for name, one in best_of_each(chosen.tried).items()}


def _sizes(parts: Parts) -> dict[str, Any]:
    return {
        "users_learnt": parts.learnt.count_users(),
        "rows_learnt": len(parts.learnt.labels),
        HELD_OUT_USERS: parts.held_out.count_users(),
        "rows_held_out": len(parts.held_out.labels),
        "share_without_lookups": WITHOUT_LOOKUPS,
        "folds": FOLDS,
    }
