"""What a form's world offers to training: invented requests whose chance of churn is known.

A form brings its worlds as `use_cases/<name>/world.py` with `WORLDS`, by name, the usual one first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple


class Drawn(NamedTuple):
    """An invented request, whether its subject churned, and how likely that was beforehand."""

    request: Mapping[str, Any]
    churned: bool
    probability: float


FormWorld = Callable[[int, int], Iterator[Drawn]]
"""So many requests of a seed: the same number and seed give the same ones."""
