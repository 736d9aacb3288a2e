"""Canonical events as columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Annotated, Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from inference_logger.decode import Columns
from inference_logger.split import Document, Fields, Misfit, amount, converter, entity, split
from inference_logger.structs import PYTHON_TYPES, Struct, array, build, getter, make, refuse_unless
from pipeline.declaration import UseCase
from pipeline.declaration.fields import MOST_NUMBER
from pipeline.parquet.format import event_fields
from pipeline.validation import MAX_ENTITY_BYTES

_AMOUNT = Annotated[float, msgspec.Meta(ge=-MOST_NUMBER, le=MOST_NUMBER)]
_ENTITY = r"^[^\x00-\x1f\x7f-\x9f]+$"


@dataclass(frozen=True, slots=True)
class EventShape:
    """A Shape (see `decode`): a column holds values only of event types that declare its field."""

    typed: Mapping[str, pa.DataType]
    common: tuple[str, ...]
    own: Mapping[str, tuple[str, ...]]  # event type -> its fields
    structs: Mapping[str, type[Struct]]  # by event type
    nothing: Struct
    decode: Callable[[bytes], Struct]
    fields: Mapping[str, Fields]  # by event type
    required: frozenset[str]

    @classmethod
    def of(cls, case: UseCase) -> EventShape:
        """The shape of this case's events."""
        typed = {one.name: one.type for one in event_fields(case)}
        own = {event.name: tuple(one.name for one in event.fields) for event in case.events}
        required = (case.entity, "event_time", "schema_version")
        common = (*required, "event_id")
        python = {name: PYTHON_TYPES[kind] for name, kind in typed.items()}
        python |= {name: _AMOUNT for name, kind in typed.items() if kind == pa.float64()}
        convert = {name: converter(kind) for name, kind in typed.items()}
        convert |= {name: amount for name, kind in typed.items() if kind == pa.float64()}
        convert[case.entity] = entity
        must = {name: python[name] for name in required}
        structs = {
            event: make(event, must, {name: python[name] for name in ("event_id", *names)}, event)
            for event, names in own.items()
        }
        return cls(
            typed=typed,
            common=common,
            own=own,
            structs=structs,
            nothing=make("nothing", {}, {name: python[name] for name in common})(),
            decode=msgspec.json.Decoder(reduce(or_, structs.values())).decode,
            fields={
                event: {name: convert[name] for name in (*common, *names)}
                for event, names in own.items()
            },
            required=frozenset(required),
        )

    def split(self, document: Document) -> tuple[Struct, Document]:
        """The event; the rest are unknown fields, and values in another event type's."""
        event = document.pop("event_type", None)
        if not isinstance(event, str) or event not in self.structs:
            raise Misfit
        known, extra = split(self.fields[event], document)
        if not self.required <= known.keys():
            raise Misfit
        left = {
            name: value
            for name, value in extra.items()
            if value is not None or name not in self.typed
        }
        return build(self.structs[event], known), left

    def columns(self, structs: Sequence[Struct]) -> Columns:
        """What all events have, then what each type has. Raises pa.ArrowInvalid."""
        names = {struct: name for name, struct in self.structs.items()}
        events = [names.get(type(one)) for one in structs]
        own = self._own(structs, events)
        nothing = {
            name: pa.nulls(len(structs), kind)
            for name, kind in self.typed.items()
            if name not in own
        }
        common = {name: array(map(getter(name), structs), self.typed[name]) for name in self.common}
        _refuse_odd(common[self.common[0]])
        return {
            **nothing,
            **common,
            **{name: array(values, self.typed[name]) for name, values in own.items()},
            "event_type": pa.array(events, pa.string()),
        }

    def _own(self, structs: Sequence[Struct], events: Sequence[str | None]) -> dict[str, list[Any]]:
        """The values of each field that an event among these declares; None where others are."""
        indices: dict[str, list[int]] = defaultdict(list)
        for index, event in enumerate(events):
            if event is not None:
                indices[event].append(index)
        columns: dict[str, list[Any]] = {}
        for event, where in indices.items():
            for name in self.own[event]:
                column = columns.setdefault(name, [None] * len(structs))
                get = getter(name)
                for index in where:
                    column[index] = get(structs[index])
        return columns


def _refuse_odd(entities: pa.StringArray) -> None:
    """Raise pa.ArrowInvalid for one that no event can be about, as `check_entity` does."""
    refuse_unless(pc.less_equal(pc.binary_length(entities), MAX_ENTITY_BYTES))
    refuse_unless(pc.match_substring_regex(entities, _ENTITY))
