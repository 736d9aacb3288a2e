"""Which candidate says best what becomes of users it has not seen: cross-validation by user."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from training.candidates import Candidate
from training.quality import auc, loss
from training.table import Floats, Table

FOLDS = 3
ROWS = 60_000  # taken evenly out of all: rows of one user say much the same

_DIGITS = 4  # another processor gives other last bits
_Fit = tuple[int, int]

_T = TypeVar("_T")
Track = Callable[[Sequence[_T], str], Iterable[_T]]
"""Hands the items on and shows how far it is, under a few words."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A candidate, and how well it did on the users held out of each of its fits."""

    candidate: Candidate
    log_loss: float
    auc: float | None
    accuracy: float

    @property
    def described(self) -> dict[str, Any]:
        """As it stands in a manifest."""
        return {
            "parameters": dict(self.candidate.parameters),
            "log_loss": self.log_loss,
            "auc": self.auc,
            "accuracy": self.accuracy,
        }


def untracked(items: Sequence[_T], words: str) -> Iterable[_T]:  # noqa: ARG001 - a Track
    """Show nothing."""
    return items


def search(
    case: UseCase,
    table: Table,
    candidates: Sequence[Candidate],
    seed: int,
    threshold: float,
    track: Track[_Fit] = untracked,
) -> list[Tried]:
    """All candidates, the best by log loss first; of equal ones the one named first.

    Raises Refusal unless every fold leaves users of both kinds to learn from.
    """
    some = thinned(table, ROWS)
    folds = some.folds(FOLDS, f"fold {seed}")
    answers: list[Floats] = [np.empty(len(some.labels)) for _ in candidates]
    fits = [(place, fold) for place in range(len(candidates)) for fold in range(FOLDS)]
    for place, fold in track(fits, "cross-validation"):
        held = folds == fold
        learnt = some.where(~held)
        _check(learnt)
        model = candidates[place].fit(case, learnt, seed)
        if held.any():
            answers[place][held] = model.predict_proba(some.inputs[held])[:, 1]
    tried = [
        _judged(candidate, some, answer, threshold)
        for candidate, answer in zip(candidates, answers, strict=True)
    ]
    return sorted(tried, key=lambda one: one.log_loss)


def best_of_each(tried: Sequence[Tried]) -> dict[str, Tried]:
    """The best of each kind, out of a list that has the best first."""
    found: dict[str, Tried] = {}
    for one in tried:
        found.setdefault(one.candidate.name, one)
    return found


def thinned(table: Table, rows: int) -> Table:
    """Every row; of more than `rows` every n-th, so that nearly all users keep some."""
    step = -(-len(table.labels) // rows)
    return table.where(np.arange(len(table.labels)) % max(1, step) == 0)


def _judged(candidate: Candidate, table: Table, answer: Floats, threshold: float) -> Tried:
    area = auc(table.labels, answer)
    accuracy = float(np.mean((answer >= threshold) == (table.labels == 1)))
    return Tried(
        candidate,
        log_loss=round(loss(table.labels, answer), _DIGITS),
        auc=None if area is None else round(area, _DIGITS),
        accuracy=round(accuracy, _DIGITS),
    )


def _check(learnt: Table) -> None:
    if len(np.unique(learnt.labels)) < 2:  # noqa: PLR2004 - churned and stayed
        raise Refusal("too few users of both kinds", "Train on more users")
