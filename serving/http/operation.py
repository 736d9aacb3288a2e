"""What a route is: how it is asked for, who may ask, what it does, and how it is documented."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import Any

from serving.http.answers import Answer
from serving.http.call import Call
from serving.http.keys import Scope

Statuses = Mapping[int, str]
"""What an answer of each status says."""

Handler = Callable[[Call], Awaitable[Answer]]


class Access(Enum):
    """Who may ask: the scope a key must have, and whether a stranger may where there are no keys.

    Where there are no keys, whoever is on this machine may ask for anything.
    """

    OPEN = (None, True)
    REQUEST_SCORED = ("predict", True)
    STORED = ("predict", False)
    EVENTS = ("events", False)

    def __init__(self, scope: Scope | None, strangers: bool) -> None:  # noqa: FBT001 - an enum's value
        self.scope = scope
        self.strangers = strangers


class Size(Enum):
    """How much a request may bring, and how long it may take: a document, or a table."""

    DOCUMENT = "document"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Content:
    """A body of a request or an answer: its type for the schema, and an example that works.

    `schema` is a type that msgspec knows, or a JSON Schema.
    """

    schema: Any
    example: Any
    media: str = "application/json"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter in the path, or after the question mark; one of `choices` where there are any."""

    name: str
    description: str
    example: str
    place: str = "path"
    choices: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    name: str
    summary: str
    access: Access
    run: Handler
    answer: Content
    status: int = HTTPStatus.OK
    size: Size = Size.DOCUMENT
    body: Sequence[Content] = ()
    parameters: Sequence[Parameter] = ()
    known: Sequence[Mapping[str, str]] = ()
    """Values of the path's parameters that are asked for most."""
    problems: Statuses = field(default_factory=dict)
    """Statuses that only this operation answers, beside those that all do."""
    documented: bool = True
    """Whether the description names it."""
    is_always_answered: bool = False
    """Whether neither rates nor a lack of room keep it from being answered."""


def for_everyone(path: str, name: str, summary: str, run: Handler, answer: Content) -> Operation:
    """What anyone may read."""
    return Operation(
        method="GET",
        path=path,
        name=name,
        summary=summary,
        access=Access.OPEN,
        run=run,
        answer=answer,
    )
