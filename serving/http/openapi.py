"""The OpenAPI document of all operations."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from serving.http.answers import ErrorAnswer
from serving.http.operation import Access, Content, Operation, Parameter, Statuses

_REF = "#/components/schemas/{name}"
_KEY = "key"
_ALWAYS: Statuses = {
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests; Retry-After says when to try again",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not now; Retry-After says when to try again",
}
_WITH_A_SCOPE: Statuses = {
    HTTPStatus.UNAUTHORIZED: "No key, or none that is known",
    HTTPStatus.FORBIDDEN: "Not allowed",
}
_WITH_SOMETHING_TO_CHECK: Statuses = {
    HTTPStatus.UNPROCESSABLE_ENTITY: "What is wrong, by field and reason"
}
_WITH_A_BODY: Statuses = {
    HTTPStatus.BAD_REQUEST: "The body cannot be read",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is compressed, and not with gzip",
}

Document = dict[str, Any]


def document(title: str, version: str, operations: Sequence[Operation]) -> Document:
    """What the operations say of themselves, with the schemas of what goes in and out."""
    operations = [one for one in operations if one.documented]
    types = {id(one.schema): one.schema for one in _contents(operations) if _is_type(one.schema)}
    _, components = msgspec.json.schema_components(
        [*types.values(), ErrorAnswer], ref_template=_REF
    )
    paths: dict[str, Document] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {_KEY: {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(one: Operation) -> Document:
    found: Document = {
        "operationId": one.name,
        "summary": one.summary,
        "responses": {
            str(int(one.status)): {"description": "Done", "content": _media([one.answer])},
            **{
                str(int(status)): _problem(text)
                for status, text in sorted(_problems_of(one).items())
            },
        },
    }
    if one.parameters:
        found["parameters"] = [_parameter(parameter) for parameter in one.parameters]
    if one.body:
        found["requestBody"] = {"required": True, "content": _media(one.body)}
    if one.access is not Access.OPEN:
        found["security"] = [{_KEY: []}, *([{}] if one.access.strangers else [])]
    return found


def _parameter(one: Parameter) -> Document:
    return {
        "name": one.name,
        "in": one.place,
        "required": one.place == "path",
        "description": one.description,
        "schema": {"enum": list(one.choices)} if one.choices else {"type": "string"},
        "example": one.example,
    }


def _problems_of(one: Operation) -> dict[int, str]:
    return {
        **_ALWAYS,
        **(_WITH_A_SCOPE if one.access.scope else {}),
        **(_WITH_A_BODY if one.body else {}),
        **(_WITH_SOMETHING_TO_CHECK if one.body or one.parameters else {}),
        **one.problems,
    }


def _problem(text: str) -> Document:
    schema = {"$ref": _REF.format(name=ErrorAnswer.__name__)}
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _media(contents: Sequence[Content]) -> Document:
    return {one.media: {"schema": _schema(one), "example": one.example} for one in contents}


def _schema(content: Content) -> Document:
    if not _is_type(content.schema):
        found: Document = content.schema
        return found
    (reference,), _ = msgspec.json.schema_components([content.schema], ref_template=_REF)
    return reference


def _contents(operations: Sequence[Operation]) -> list[Content]:
    return [content for one in operations for content in (one.answer, *one.body)]


def _is_type(schema: Any) -> bool:
    return not isinstance(schema, dict)
