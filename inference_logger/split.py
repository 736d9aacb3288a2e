"""One parsed JSON document: what fits the typed columns, and what is left over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from pipeline.declaration.fields import INT64_HIGH, INT64_LOW
from pipeline.parquet import INSTANT
from pipeline.times import format_time, parse_time

Document = dict[str, Any]
Convert = Callable[[Any], Any]
Fields = Mapping[str, "Convert | Fields"]


class Misfit(ValueError):
    """A value, or a line, or one line among many, is not what our stages write."""


def converters(wire: pa.Schema, typed: pa.Schema) -> Fields:
    """How each field's parsed value becomes one of `wire` that casts to its type in `typed`."""
    return {one.name: _converter(one, typed) for one in wire}


def split(fields: Fields, document: Document) -> tuple[Document, Document]:
    """What fits `fields`, and all else; a null of a known field is as good as none."""
    known: Document = {}
    extra: Document = {}
    for name, value in document.items():
        field = fields.get(name)
        if field is None:
            extra[name] = value
        elif value is not None:
            _place(name, value, field, known, extra)
    return known, extra


def _place(
    name: str, value: Any, field: Convert | Fields, known: Document, extra: Document
) -> None:
    if not isinstance(field, Mapping):
        try:
            known[name] = field(value)
        except Misfit:
            extra[name] = value
    elif isinstance(value, dict):
        known[name], left = split(field, value)
        if left:
            extra[name] = left
    else:
        extra[name] = value


def _converter(field: pa.Field, typed: pa.Schema) -> Convert | Fields:
    if pa.types.is_struct(field.type):
        return {one.name: _converter(one, typed) for one in field.type}
    target = typed.field(field.name).type if field.name in typed.names else field.type
    return _CONVERT.get((field.type, target), _CONVERT_PLAINLY[field.type])


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Misfit
    return value


def _integer(value: Any) -> int:
    if type(value) is not int or not INT64_LOW <= value <= INT64_HIGH:
        raise Misfit
    return value


def _number(value: Any) -> float:
    if type(value) is not float and type(value) is not int:
        raise Misfit
    return float(value)


def _count(value: Any) -> float:
    """A whole number: Arrow reads it as a double, as `serving` may write it either way."""
    number = _number(value)
    if not number.is_integer() or not INT64_LOW <= number < INT64_HIGH:
        raise Misfit
    return number


def _instant(value: Any) -> str:
    """Text that Arrow casts to a time, so that a line read alone or among others is the same."""
    text = _text(value)
    try:
        pa.scalar(text).cast(INSTANT)
    except pa.ArrowInvalid:
        return _instant_in_other_words(text)
    return text


def _instant_in_other_words(text: str) -> str:
    try:
        return format_time(parse_time(text))
    except (ValueError, OverflowError):
        raise Misfit from None


_CONVERT: dict[tuple[pa.DataType, pa.DataType], Convert] = {
    (pa.string(), INSTANT): _instant,
    (pa.float64(), pa.int64()): _count,
}
_CONVERT_PLAINLY: dict[pa.DataType, Convert] = {
    pa.string(): _text,
    pa.int64(): _integer,
    pa.float64(): _number,
}
