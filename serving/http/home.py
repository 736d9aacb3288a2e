"""The service itself: what it is, whether it is well, its metrics, and its documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import MutexValue, ValueClass

from serving.http.answers import Answer, as_json
from serving.http.call import Call
from serving.http.models import Models
from serving.http.operation import Content, Operation, for_everyone
from serving.http.page import page_operations

TITLE = "Churn scores"
DOCUMENT = "/openapi.json"


class ModelInService(msgspec.Struct, frozen=True):
    """One model; `scores` says whether it scores stored features or requests."""

    name: str
    version: str
    sha256: str
    scores: str


class Status(msgspec.Struct, frozen=True):
    """What the service is, and what it has."""

    service: str
    version: str
    status: str
    models: tuple[ModelInService, ...]
    missing: tuple[str, ...]
    links: Mapping[str, str]


class Home:
    """The routes about the service."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._document = Answer(b"{}")

    def describe(self, document: Mapping[str, Any]) -> None:
        """Hand out this document: of all operations, ours among them."""
        self._document = as_json(document)

    @property
    def operations(self) -> Sequence[Operation]:
        """All of them open to everyone."""
        return (
            for_everyone("/", "status", "What this service is and has", self._status, _STATUS),
            for_everyone(
                "/metrics",
                "metrics",
                "Metrics for Prometheus",
                self._metrics,
                Content({"type": "string"}, "", CONTENT_TYPE_LATEST),
            ),
            for_everyone(
                DOCUMENT,
                "openapi",
                "This description",
                self._openapi,
                Content({"type": "object"}, {"openapi": "3.1.0"}),
            ),
            *page_operations(TITLE),
        )

    async def _status(self, _: Call) -> Answer:
        models = tuple(
            ModelInService(one.name, one.version, one.hash, scores)
            for scores, one in self._models.in_service
        )
        missing = tuple(self._models.missing)
        status = "ready" if models and not self._models.wanting else "not ready"
        return as_json(Status(TITLE, own_version(), status, models, missing, _LINKS))

    async def _metrics(self, _: Call) -> Answer:
        return Answer(generate_latest(_registry()), kind=CONTENT_TYPE_LATEST.encode())

    async def _openapi(self, _: Call) -> Answer:
        return self._document


_LINKS = {"docs": "/docs", "openapi": DOCUMENT, "metrics": "/metrics", "ready": "/v2/health/ready"}
_STATUS = Content(
    Status,
    {
        "service": TITLE,
        "version": "0.1.0",
        "status": "ready",
        "models": [
            {"name": "first_day_churn", "version": "1", "sha256": "0b57...", "scores": "stored"}
        ],
        "missing": [],
        "links": _LINKS,
    },
)


def own_version() -> str:
    """The version that is installed."""
    return version("feature-stream")


def _registry() -> CollectorRegistry:
    """The metrics of this process, or those of all where PROMETHEUS_MULTIPROC_DIR joins them."""
    if ValueClass is MutexValue:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # it has no types
    return registry
