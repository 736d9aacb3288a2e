"""One parsed JSON document: what fits the typed columns, and what is left over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from pipeline.declaration.fields import INT64_HIGH, INT64_LOW, MOST_NUMBER
from pipeline.errors import DataError
from pipeline.parquet.format import INSTANT
from pipeline.times import parse_canonical
from pipeline.validation import check_entity

Document = dict[str, Any]
Convert = Callable[[Any], Any]
Fields = Mapping[str, "Convert | Fields"]


class Misfit(ValueError):
    """A value, or a line, is not what our stages write."""


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


def converter(kind: pa.DataType) -> Convert:
    """From a parsed JSON value to one that Arrow takes for this type. Raises Misfit if it is none.

    Times stay text, which Arrow casts.
    """
    return _CONVERT[kind]


def count(value: Any) -> float:
    """A whole number, as an integer or a float: both are how `serving` may write a count."""
    number = _number(value)
    if not number.is_integer() or not INT64_LOW <= number < INT64_HIGH:
        raise Misfit
    return number


def texts(value: Any) -> Mapping[str, str]:
    """An object that has nothing but texts."""
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise Misfit
    return value


def entity(value: Any) -> str:
    """What an event can be about. Raises Misfit for any other value."""
    try:
        check_entity(text := _text(value), "")
    except DataError:
        raise Misfit from None
    return text


def amount(value: Any) -> float:
    """A number as a declared field has it. Raises Misfit for any other value."""
    number = _number(value)
    if not -MOST_NUMBER <= number <= MOST_NUMBER:
        raise Misfit
    return number


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


def _instant(value: Any) -> str:
    text = _text(value)
    try:
        parse_canonical(text)
    except ValueError:
        raise Misfit from None
    return text


_CONVERT: dict[pa.DataType, Convert] = {
    pa.string(): _text,
    pa.int64(): _integer,
    pa.float64(): _number,
    INSTANT: _instant,
}
