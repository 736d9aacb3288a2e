"""The JSON that our stages write, as columns: what is accepted together, and what line by line.

Both ways of a shape give the same columns: `columns` takes a table of many lines, as Arrow's JSON
reader gives it; `split` takes one parsed document and sets apart what has no column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from inference_logger.split import Document, Fields, Misfit, converters, split
from pipeline.declaration import UseCase
from pipeline.parquet import INSTANT, event_fields, feature_fields, inference_fields


class Shape(Protocol):
    """One kind of JSON record."""

    @property
    def wire(self) -> pa.Schema:
        """What Arrow's JSON reader is to read: times as text, nested objects as structs."""
        ...

    @property
    def typed(self) -> pa.Schema:
        """The columns that the record becomes."""
        ...

    def columns(self, table: pa.Table) -> pa.Table:
        """A `wire` table as `typed` columns. Raises Misfit, or an ArrowException."""
        ...

    def split(self, document: Document) -> tuple[Document, Document]:
        """One row of `wire`, and what has no place in it. Raises Misfit."""
        ...


@dataclass(frozen=True, slots=True)
class EventShape:
    """A canonical event: a column holds values only of event types that declare its field."""

    wire: pa.Schema
    typed: pa.Schema
    required: tuple[str, ...]
    fields: Mapping[str, Fields]  # by event type
    declared_by: Mapping[str, pa.Array]  # field -> event types

    @classmethod
    def of(cls, case: UseCase) -> EventShape:
        """The shape of this case's events."""
        typed = pa.schema(event_fields(case))
        wire = _times_as_text(typed)
        every = converters(wire, typed)
        own = {event.name: {one.name for one in event.fields} for event in case.events}
        declared = set().union(*own.values())
        return cls(
            wire,
            typed,
            required=(case.entity, "event_type", "event_time", "schema_version"),
            fields={
                event: {name: every[name] for name in every if name not in declared - fields}
                for event, fields in own.items()
            },
            declared_by={
                name: pa.array([event for event, fields in own.items() if name in fields])
                for name in sorted(declared)
            },
        )

    def columns(self, table: pa.Table) -> pa.Table:
        """The typed columns. Raises Misfit for a value in another event type's column."""
        _require(table, self.required)
        kinds = table.column("event_type")
        if pc.any(pc.invert(pc.is_in(kinds, value_set=pa.array([*self.fields])))).as_py():
            raise Misfit("unknown event_type")
        for name, events in self.declared_by.items():
            column = table.column(name)
            if column.null_count < len(column):
                _refuse_misplaced(column, pc.is_in(kinds, value_set=events))
        return table.cast(self.typed)

    def split(self, document: Document) -> tuple[Document, Document]:
        """One row, and unknown or misplaced fields."""
        kind = document.get("event_type")
        fields = self.fields.get(kind) if isinstance(kind, str) else None
        if fields is None:
            raise Misfit("event_type")
        known, extra = split(fields, document)
        _require_keys(known, self.required)
        for name in self.declared_by.keys() & extra.keys():
            if extra[name] is None:
                del extra[name]
        return known, extra


@dataclass(frozen=True, slots=True)
class InferenceShape:
    """An inference, as `serving` writes it: its features and lookup versions are nested objects."""

    wire: pa.Schema
    typed: pa.Schema
    required: tuple[str, ...]
    fields: Fields

    @classmethod
    def of(cls, case: UseCase) -> InferenceShape:
        """The shape of this case's inferences."""
        typed = pa.schema(inference_fields(case))
        nested = {
            "features": pa.struct([(one.name, pa.float64()) for one in feature_fields(case)]),
            "lookups": pa.struct([(one.name, pa.string()) for one in case.lookups]),
        }
        flat = [one for one in typed if one not in feature_fields(case) and one.name not in nested]
        wire = _times_as_text(pa.schema([*flat, *(pa.field(*item) for item in nested.items())]))
        required = ("id", "probability", "scored_at", case.entity)
        return cls(wire, typed, required, converters(wire, typed))

    def columns(self, table: pa.Table) -> pa.Table:
        """The typed columns, the features one by one. Raises Misfit, or an ArrowException."""
        _require(table, self.required)
        features = table.column("features").combine_chunks()
        flat = dict(zip((one.name for one in features.type), features.flatten(), strict=True))
        flat["lookups"] = _json_texts(table.column("lookups").combine_chunks())
        arrays = [flat[name] if name in flat else table.column(name) for name in self.typed.names]
        return pa.table(arrays, names=self.typed.names).cast(self.typed)

    def split(self, document: Document) -> tuple[Document, Document]:
        """One row, and unknown fields, also those of the nested objects."""
        known, extra = split(self.fields, document)
        _require_keys(known, self.required)
        return known, extra


def _times_as_text(schema: pa.Schema) -> pa.Schema:
    return pa.schema(
        [pa.field(one.name, pa.string()) if one.type == INSTANT else one for one in schema]
    )


def _require(table: pa.Table, names: tuple[str, ...]) -> None:
    for name in names:
        if table.column(name).null_count:
            raise Misfit(name)


def _require_keys(known: Document, names: tuple[str, ...]) -> None:
    for name in names:
        if name not in known:
            raise Misfit(name)


def _refuse_misplaced(column: pa.ChunkedArray, declared: pa.ChunkedArray) -> None:
    if pc.any(pc.and_not(column.is_valid(), declared)).as_py():
        raise Misfit("a field of another event type")


def _json_texts(objects: pa.StructArray) -> pa.Array:
    """Objects of text as JSON text. Versions seldom change: most often all rows are equal."""
    if len(objects) and not objects.null_count and _all_equal(objects):
        return pa.repeat(pa.scalar(_json_text(objects[0].as_py())), len(objects))
    return pa.array([_json_text(row) for row in objects.to_pylist()], pa.string())


def _all_equal(objects: pa.StructArray) -> bool:
    return all(len(column.unique()) == 1 for column in objects.flatten())


def _json_text(row: Document | None) -> str | None:
    if row is None:
        return None
    return orjson.dumps({name: value for name, value in row.items() if value is not None}).decode()
