"""How each form is trained where nothing else is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.forms.candidates import CANDIDATES, RANDOM_FOREST, Candidate


@dataclass(frozen=True, slots=True)
class Recipe:
    """How many to invent, the seed of all draws, and the kinds of model that compete."""

    rows: int = 8_000
    seed: int = 20_250
    candidates: Sequence[Candidate] = CANDIDATES


RECIPES: Mapping[str, Recipe] = {
    "subscription_churn": Recipe(rows=1_000, seed=42, candidates=(RANDOM_FOREST,)),
}
"""By use case, where the usual one does not hold."""


def recipe_of(use_case: str) -> Recipe:
    """The recipe of a form."""
    return RECIPES.get(use_case, Recipe())
