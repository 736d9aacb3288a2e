"""Training a form: a table in, the candidate with the lowest log loss out, as ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold, cross_val_predict, train_test_split

from pipeline.declaration.form import Form
from pipeline.errors import Refusal
from pipeline.manifest import Manifest, sha256_of
from training.conversion import LIMITS, PROBABILITIES, OnnxScorer, Unfit, converted
from training.costs import USUAL, Costs
from training.forms.candidates import CANDIDATES, Candidate
from training.forms.fairness import fairness
from training.forms.figures import calibrations, figures
from training.forms.missing import filled_in
from training.forms.table import FormTable, usual
from training.quality import loss

HELD_OUT = 0.2
_FOLDS = 5
_LIBRARIES = ("onnx", "onnxruntime", "scikit-learn", "skl2onnx")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to train: under which version, with which seed, which kinds, and at which costs."""

    form: Form
    version: str
    seed: int
    candidates: Sequence[Candidate] = CANDIDATES
    costs: Costs = USUAL


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, the manifest that belongs to it, and the rows it is judged by."""

    manifest: Manifest
    content: bytes
    held_out: FormTable


@dataclass(frozen=True, slots=True)
class _Shipped:
    """The best candidate in ONNX, and the better ones that could not be shipped."""

    name: str
    content: bytes
    left_out: tuple[str, ...]


def train(plan: Plan, table: FormTable, source: dict[str, Any], say: Say) -> Trained:
    """The best candidate by cross-validation on four fifths of the rows, judged by the other fifth.

    `source` says where the table came from. Raises Refusal where no candidate is left.
    """
    learnt, held_out = split(table, plan.seed)
    losses = {one.name: _log_loss(plan, one, learnt, say) for one in plan.candidates}
    shipped = _best(plan, losses, learnt, table, say)
    training = {**source, **_sizes(learnt, held_out), "usual": usual(plan.form, learnt.inputs)}
    manifest = _manifest(plan, shipped, training, losses, held_out)
    return Trained(manifest, shipped.content, held_out)


def split(table: FormTable, seed: int) -> tuple[FormTable, FormTable]:
    """The rows to learn from and a fifth to judge by, with equal shares of those who churned.

    Raises Refusal unless there are enough of both kinds.
    """
    counts = np.bincount(table.labels, minlength=2)
    if counts.min() < 2 * _FOLDS:
        raise Refusal("too few rows of both kinds", f"Give it {2 * _FOLDS} of each or more")
    learnt, held_out = train_test_split(
        np.arange(len(table.labels)), test_size=HELD_OUT, random_state=seed, stratify=table.labels
    )
    return table.at(np.sort(learnt)), table.at(np.sort(held_out))


def _log_loss(plan: Plan, candidate: Candidate, learnt: FormTable, say: Say) -> float:
    """On each fold by a model that learnt from the others."""
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=plan.seed)
    model = candidate.make(plan.form, plan.seed)
    both = cross_val_predict(model, learnt.inputs, learnt.labels, cv=folds, method="predict_proba")
    log_loss = loss(learnt.labels, both[:, 1])
    say(f"{candidate.name}: log loss {log_loss:.4f} in cross-validation")
    return log_loss


def _best(
    plan: Plan, losses: dict[str, float], learnt: FormTable, table: FormTable, say: Say
) -> _Shipped:
    left_out: list[str] = []
    for candidate in sorted(plan.candidates, key=lambda one: losses[one.name]):
        try:
            return _Shipped(
                candidate.name, _content(plan, candidate, learnt, table), tuple(left_out)
            )
        except Unfit as reason:
            say(f"{candidate.name}: left out: {reason}")
            left_out.append(candidate.name)
    raise Refusal("no candidate may be shipped", "See above why")


def _content(plan: Plan, candidate: Candidate, learnt: FormTable, table: FormTable) -> bytes:
    """The model in ONNX, which answers as scikit-learn's does on every row. Raises Unfit."""
    model = candidate.make(plan.form, plan.seed).fit(learnt.inputs, learnt.labels)
    content = filled_in(converted(model, table.inputs, plan.costs.threshold), plan.form)
    if len(content) > LIMITS.size:
        raise Unfit(f"{len(content):,} bytes, {LIMITS.size:,} at most")
    return content


def _manifest(
    plan: Plan,
    shipped: _Shipped,
    training: dict[str, Any],
    losses: dict[str, float],
    held_out: FormTable,
) -> Manifest:
    probabilities = OnnxScorer(shipped.content).score(held_out.inputs)
    metrics = figures(held_out, probabilities, plan.costs)
    return Manifest(
        use_case=plan.form.name,
        version=plan.version,
        algorithm=shipped.name,
        features=plan.form.inputs,
        probabilities=PROBABILITIES,
        threshold=plan.costs.threshold,
        sha256=sha256_of(shipped.content),
        seed=plan.seed,
        training=training,
        metrics={**metrics, "candidates": losses, "left_out": shipped.left_out},
        libraries={name: version(name) for name in _LIBRARIES},
        costs=asdict(plan.costs),
        calibration=calibrations(held_out, probabilities),
        fairness=fairness(plan.form, held_out, probabilities, plan.costs.threshold),
    )


def _sizes(learnt: FormTable, held_out: FormTable) -> dict[str, int]:
    return {"rows_learnt": len(learnt.labels), "rows_held_out": len(held_out.labels)}
