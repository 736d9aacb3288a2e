"""JSON Schema of a case's events, and of a form's requests, out of the declaration. Pure."""

from __future__ import annotations

from typing import Any

from pipeline.declaration import EventType, Field, Integer, Number, Text, UseCase
from pipeline.declaration.form import Choice, Form, Whole
from pipeline.declaration.form import Field as FormField
from pipeline.declaration.form_reading import must_be
from pipeline.validation import MAX_ENTITY_BYTES, MAX_EVENT_ID_BYTES

Schema = dict[str, Any]
_EXAMPLE_TIME = "2026-01-02T03:04:05Z"


def event_schema(case: UseCase, also_required: tuple[str, ...] = ()) -> Schema:
    """Any event of the case. What a source may leave out can be `also_required`."""
    return {"oneOf": [schema_of(case, event, also_required) for event in case.events]}


def schema_of(case: UseCase, event: EventType, also_required: tuple[str, ...] = ()) -> Schema:
    """One type of event, under any of its names. Fields that are not declared may be there."""
    fields = {field.name: _field_schema(field) for field in event.fields}
    return {
        "title": event.name,
        "type": "object",
        "required": [
            "event_type",
            "event_time",
            case.entity,
            *also_required,
            *(field.name for field in event.fields if field.required),
        ],
        "properties": {
            "event_type": {"enum": [event.name, *event.aliases]},
            "event_time": {
                "type": "string",
                "description": "RFC 3339, or YYYY-MM-DD HH:MM:SS[.ffffff] in UTC",
            },
            "event_id": {"type": "string", "minLength": 1, "maxLength": MAX_EVENT_ID_BYTES},
            case.entity: {"type": "string", "minLength": 1, "maxLength": MAX_ENTITY_BYTES},
            **fields,
        },
    }


def example_event(case: UseCase) -> dict[str, Any]:
    """A valid event, of a type that causes a score."""
    event = case.event(case.scored_on[0]) if case.scored_on else case.events[0]
    return {
        "event_type": event.name,
        "event_time": _EXAMPLE_TIME,
        "event_id": "9f1c-1",
        case.entity: "3f2a-7",
        **{field.name: _example(field) for field in event.fields if field.required},
    }


def form_schema(form: Form) -> Schema:
    """A request; what is in it beside the fields is left alone."""
    return {
        "title": form.name,
        "type": "object",
        "required": list(form.names),
        "properties": {field.name: form_field_schema(field) for field in form.fields},
    }


def form_field_schema(field: FormField) -> Schema:
    """One field; an empty text or null where empty has a meaning."""
    if isinstance(field, Choice):
        return {"enum": list(field.choices), "description": field.about, "example": field.example}
    number = {
        "type": "integer" if isinstance(field, Whole) else "number",
        "minimum": field.low,
        "maximum": field.high,
    }
    told = {"description": f"{field.about}; {must_be(field)}", "example": field.example}
    if field.empty is None:
        return {**number, **told}
    return {"anyOf": [number, {"enum": ["", None]}], **told}


def _field_schema(field: Field) -> Schema:
    """A field that need not be there may be null as well."""
    kind, limits = _kind(field)
    schema: Schema = {"type": kind if field.required else [kind, "null"], **limits}
    if field.personal:
        schema["description"] = "personal: it does not go past the event log"
    if field.outcome:
        schema["description"] = "an outcome: logged for training, never in a feature or a score"
    return schema


def _kind(field: Field) -> tuple[str, Schema]:
    if isinstance(field, Integer):
        return "integer", {"minimum": field.low, "maximum": field.high}
    if isinstance(field, Number):
        return "number", {"minimum": field.low, "maximum": field.high}
    if isinstance(field, Text):
        return "string", {"maxLength": field.max_bytes}
    raise TypeError(f"{type(field).__name__} has no schema")


def _example(field: Field) -> Any:
    return 1 if isinstance(field, Integer) else 5.0 if isinstance(field, Number) else "a text"
