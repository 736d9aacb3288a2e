"""Puts the service together: the models, the stores, every route and its rule."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

from fastapi import FastAPI

import use_cases
from pipeline.clock import Clock, SystemClock
from pipeline.declaration import UseCase
from pipeline.logs import log
from pipeline.offers.contacts import CUSTOMER, ContactsFile
from pipeline.settings import HttpSettings, Settings
from pipeline.store.client import connect_to_read
from pipeline.store.states import StateReader
from pipeline.together import AT_ONCE
from pipeline.topics import Topics
from serving.holder import keep_following
from serving.http.connections import Bounds, Peers
from serving.http.descriptors import connections_within
from serving.http.direct import Directory, Shortcut, answered
from serving.http.endpoint import Endpoint, limits_of
from serving.http.envelope import Envelope, unmatched
from serving.http.events import Events
from serving.http.gate import Gate
from serving.http.guard import GUARD, Guard
from serving.http.home import TITLE, Home, own_version
from serving.http.infer import Inference
from serving.http.keys import KeyRing, read_keys
from serving.http.models import Models
from serving.http.offers import FOR_NOBODY, OfferRules, Offers
from serving.http.openapi import document
from serving.http.operation import Operation
from serving.http.requested import CUSTOMERS, SUBSCRIBERS, Customers, Requested, Subscribers
from serving.http.source import SourceTopic
from serving.http.stored import StoredFeatures, StoredScores
from serving.http.tables import CustomerTables
from serving.http.users import Users

_ANSWER_TIMES = 4


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes work with; `release` lets go of all connections."""

    case: UseCase
    models: Models
    features: StoredFeatures
    source: SourceTopic
    clock: Clock
    release: Callable[[], Awaitable[None]]
    offers: OfferRules = FOR_NOBODY

    @classmethod
    def of(cls, settings: Settings, clock: Clock) -> Parts:
        """As the settings say; connects to nothing yet."""
        case = use_cases.load(settings.use_case)
        client = connect_to_read(settings.redis)
        reader = StateReader.on(client, case, settings.partitions)
        turn = AT_ONCE if settings.redis.cluster else asyncio.Lock()  # its connection is one
        source = SourceTopic.on(settings.kafka, Topics.of(case).generated)

        async def release() -> None:
            await source.close()
            await client.aclose()

        return cls(
            case=case,
            models=Models.load(settings.models_dir, case.name),
            features=StoredFeatures(case, reader, clock, turn),
            source=source,
            clock=clock,
            release=release,
            offers=_offer_rules(settings),
        )


def create_app(settings: Settings) -> FastAPI:
    """The service. Raises SettingsError; what is away or missing is told in its answers."""
    return assembled(settings.http, Parts.of(settings, SystemClock()))


def described(settings: Settings) -> dict[str, Any]:
    """The OpenAPI document of the service. Connects to nothing."""
    parts = Parts.of(settings, SystemClock())
    return document(TITLE, own_version(), operations_of(parts, settings.http))


def assembled(settings: HttpSettings, parts: Parts) -> FastAPI:
    """The service of these parts. Raises SettingsError."""
    ring = KeyRing(read_keys(Path(settings.keys_file))) if settings.keys_file else None
    gate = Gate(settings, ring, parts.clock)
    limits = limits_of(settings)
    app = Shortcut(
        title=TITLE,
        openapi_url=None,  # ours is a route like any other, with its rule
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(parts, gate, settings),
        redirect_slashes=False,
        exception_handlers={
            HTTPStatus.NOT_FOUND: unmatched,
            HTTPStatus.METHOD_NOT_ALLOWED: unmatched,
        },
    )
    operations = operations_of(parts, settings)
    endpoints = [Endpoint(one, gate, limits[one.size]) for one in operations]
    for endpoint in endpoints:
        one, application = endpoint.operation, cast("Any", endpoint)  # a route may be one as well
        app.router.add_route(one.path, application, methods=[one.method], name=one.name)
    app.add_middleware(Envelope, clock=parts.clock)
    app.directory = Directory(endpoints)
    app.around = Envelope(answered, parts.clock)
    return app


def operations_of(parts: Parts, settings: HttpSettings) -> Sequence[Operation]:
    """Every route there is, those asked for most often first."""
    stream = parts.models.streams.get(parts.case.name)
    scores = StoredScores(parts.features, stream) if stream else None
    home = Home(parts.models)
    customers = Requested(parts.models.forms[CUSTOMERS])
    found = (
        *Inference(parts.models, TITLE, own_version()).operations,
        *Customers(customers).operations,
        *CustomerTables(customers, settings.csv_rows, _answer_bytes(settings)).operations,
        *Subscribers(Requested(parts.models.forms[SUBSCRIBERS])).operations,
        *Users(parts.features, scores).operations,
        *Offers(customers, parts.offers, parts.clock).operations,
        *Events(parts.case, parts.source, parts.clock).operations,
        *home.operations,
    )
    home.describe(document(TITLE, own_version(), found))
    return found


def _answer_bytes(settings: HttpSettings) -> int:
    """The largest answer to a table."""
    return _ANSWER_TIMES * settings.csv_bytes


def _bounds(settings: HttpSettings) -> Bounds:
    return Bounds(connections_within(settings.connections), settings.peer_connections)


def _offer_rules(settings: Settings) -> OfferRules:
    contacts = ContactsFile(settings.lookups_dir, CUSTOMERS, CUSTOMER)
    return OfferRules(settings.offers.policy, contacts.table)


def _lifespan(parts: Parts, gate: Gate, settings: HttpSettings) -> Any:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        log.info(
            "serving over HTTP",
            models=[f"{one.name} {one.version}" for _, one in parts.models.in_service],
            missing=list(parts.models.missing),
        )
        keep_following(parts.models.follow)
        if not gate.has_keys:
            log.warning("no keys: users and events only for programs on this machine")
        yield {GUARD: Guard(_bounds(settings), Peers(settings.proxies))}
        await parts.release()

    return lifespan
