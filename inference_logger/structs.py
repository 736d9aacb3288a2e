"""Typed objects for JSON: msgspec structs made of declared fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Annotated, Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.declaration.fields import INT64_HIGH, INT64_LOW
from pipeline.parquet.format import INSTANT
from pipeline.times import format_time

_CANONICAL = format_time(0).translate(dict.fromkeys(b"0123456789", "_"))
_EARLIEST = pa.scalar(datetime.min.replace(tzinfo=UTC), INSTANT)

Struct = Any
"""An instance of a struct made here."""

PYTHON_TYPES: dict[pa.DataType, Any] = {
    pa.string(): str,
    pa.int64(): Annotated[int, msgspec.Meta(ge=INT64_LOW, le=INT64_HIGH)],
    pa.float64(): float,
    INSTANT: str,  # cast by Arrow, many at once
}


def make(
    name: str, required: dict[str, Any], optional: dict[str, Any], tag: str | None = None
) -> type[Struct]:
    """A struct of these fields (name -> Python type) that takes no others from JSON.

    With a tag, a JSON object is one of this struct when its `event_type` is the tag.
    """
    fields: list[Any] = [
        *((_attribute(one), kind) for one, kind in required.items()),
        *((_attribute(one), kind | None, None) for one, kind in optional.items()),
    ]
    return msgspec.defstruct(
        name,
        fields,
        tag=tag,
        tag_field=None if tag is None else "event_type",
        rename={_attribute(one): one for one in (*required, *optional)},
        forbid_unknown_fields=True,
        gc=False,
    )


def build(struct: type[Struct], values: dict[str, Any]) -> Struct:
    """A struct of these values, unchecked."""
    return struct(**{_attribute(name): value for name, value in values.items()})


def getter(name: str) -> Callable[[Struct], Any]:
    """Reads the field of that name."""
    return attrgetter(_attribute(name))


def transpose(struct: type[Struct], structs: Iterable[Struct]) -> dict[str, Sequence[Any]]:
    """The values of each field (by name) of many structs of this type."""
    names = [field.encode_name for field in msgspec.structs.fields(struct)]
    columns = list(zip(*map(msgspec.structs.astuple, structs), strict=True))
    return dict(zip(names, columns or [()] * len(names), strict=True))


def array(values: Iterable[Any], kind: pa.DataType) -> pa.Array:
    """Values as a column. Raises pa.ArrowInvalid for a time that is no canonical text."""
    if kind == INSTANT:
        texts = pa.array(values, pa.string())
        refuse_unless(pc.match_like(texts, _CANONICAL))
        times = texts.cast(INSTANT)
        refuse_unless(pc.greater_equal(times, _EARLIEST))
        return times
    return pa.array(values, kind)


def refuse_unless(hold: pa.BooleanArray) -> None:
    """Raise pa.ArrowInvalid where it does not of a value, a null excepted."""
    if not pc.all(hold, min_count=0).as_py():
        raise pa.ArrowInvalid("a value is none of ours")


def _attribute(name: str) -> str:
    """An identifier for any name that JSON may have."""
    return f"f_{name.encode().hex()}"
