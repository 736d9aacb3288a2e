"""Metrics of what is answered; each is looked up by its labels once, which takes a while."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Protocol

from pipeline import metrics

UNMATCHED = "unmatched"
"""The route and the method of a request that matches none."""


class Named(Protocol):
    """A model in service."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def version(self) -> str:
        """Its version."""
        ...


def observe_scores(model: Named, probabilities: Iterable[float]) -> None:
    """Count probabilities that are answered."""
    observe = _scores(model.name, model.version)
    for probability in probabilities:
        observe(probability)


def observe_request(route: str, method: str, status: int, seconds: float) -> None:
    """Count a request and its time."""
    for observe in _requests(route, method, status):
        observe(seconds)


@cache
def _scores(name: str, version: str) -> Callable[[float], None]:
    observe: Callable[[float], None] = metrics.REQUESTED_SCORES.labels(name, version).observe
    return observe


@cache
def _requests(route: str, method: str, status: int) -> tuple[Callable[[float], None], ...]:
    count = metrics.REQUESTS.labels(route, method, status).inc
    return (lambda _: count(), metrics.REQUEST_SECONDS.labels(route, method, status).observe)
