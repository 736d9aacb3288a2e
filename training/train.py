"""Training: a table of scores in, the best model that may be shipped out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from training.evaluation import evaluate, loss
from training.optimum import OPTIMA
from training.table import Table

HELD_OUT = 0.25
WITHOUT_LOOKUPS = 0.05
THRESHOLD = 0.5

# NumPy is not among them: which one is installed depends on Python, and the bytes do not on it.
_LIBRARIES = ("onnx", "onnxruntime", "scikit-learn", "skl2onnx")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to train, under which version, and what the model must keep to."""

    case: UseCase
    version: str
    seed: int
    candidates: Sequence[Candidate] = CANDIDATES
    limits: Limits = LIMITS
    rate: Rate = rows_per_second


@dataclass(frozen=True, slots=True)
class Parts:
    """The rows to learn from, and those of other users to judge by."""

    learnt: Table
    held_out: Table


@dataclass(frozen=True, slots=True)
class Contestant:
    """A candidate that may be shipped, and its log loss on the users held out."""

    name: str
    content: bytes
    log_loss: float


@dataclass(frozen=True, slots=True)
class Trained:
    """A model and the manifest that belongs to it."""

    manifest: Manifest
    content: bytes


def train(plan: Plan, table: Table, source: dict[str, Any], say: Say) -> Trained:
    """The best candidate by log loss on held-out users, among those that may be shipped.

    `source` says where the table came from. Raises Refusal where no candidate is left.
    """
    parts = split(plan.case, table, plan.seed)
    contestants = [
        contestant
        for candidate in plan.candidates
        if (contestant := _contest(plan, candidate, parts, say))
    ]
    if not contestants:
        raise Refusal("no candidate may be shipped", "See above why, and train on more users")
    best = min(contestants, key=lambda one: one.log_loss)
    losses = {one.name: one.log_loss for one in contestants}
    return Trained(_manifest(plan, best, parts, source, losses), best.content)


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


def _contest(plan: Plan, candidate: Candidate, parts: Parts, say: Say) -> Contestant | None:
    """None, and why, where the candidate may not be shipped."""
    model = candidate.fit(plan.case, parts.learnt, plan.seed)
    inputs = parts.held_out.inputs
    try:
        content = converted(model, inputs, THRESHOLD)
        rate = plan.rate(content, inputs)
        check_limits(len(content), rate, plan.limits)
    except Unfit as reason:
        say(f"{candidate.name}: left out: {reason}")
        return None
    log_loss = loss(parts.held_out.labels, OnnxScorer(content).score(inputs))
    say(f"{candidate.name}: log loss {log_loss:.4f}, {len(content):,} bytes, {rate:,.0f} rows/s")
    return Contestant(candidate.name, content, log_loss)


def _manifest(
    plan: Plan, best: Contestant, parts: Parts, source: dict[str, Any], losses: dict[str, float]
) -> Manifest:
    score, optimum = OnnxScorer(best.content).score, OPTIMA.get(plan.case.name)
    metrics = evaluate(plan.case, parts.held_out, score, THRESHOLD, optimum)
    return Manifest(
        use_case=plan.case.name,
        version=plan.version,
        algorithm=best.name,
        features=plan.case.inputs,
        probabilities=PROBABILITIES,
        threshold=THRESHOLD,
        sha256=sha256_of(best.content),
        seed=plan.seed,
        training={**source, **_sizes(parts)},
        metrics={**metrics, "candidates": losses},
        libraries={name: version(name) for name in _LIBRARIES},
    )


def _sizes(parts: Parts) -> dict[str, Any]:
    return {
        "users_learnt": parts.learnt.count_users(),
        "rows_learnt": len(parts.learnt.labels),
        "users_held_out": parts.held_out.count_users(),
        "rows_held_out": len(parts.held_out.labels),
        "share_without_lookups": WITHOUT_LOOKUPS,
    }
