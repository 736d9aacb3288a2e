"""From a request, or a row of a table, to the model's inputs, or to what is wrong with each field.

Pure, and each row by itself: one alone is read as it is among many. Reasons never carry a value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.declaration.form import Choice, Field, Form, Quantity, Whole
from pipeline.errors import DataError

Row = tuple[float, ...]
"""A request as the model's inputs: quantities as they are, choices by their place."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field} {self.reason}"


class FormError(DataError):
    """A request that cannot be scored; `problems` has one entry for each field at fault."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("invalid_fields", "; ".join(map(str, problems)))
        self.problems = problems


class _Wrong(ValueError):
    """Why a value is none of its field's."""


_Read = Callable[[Any], float]


class FormReader:
    """Reads the requests of one form; what is in them beside its fields is left alone."""

    def __init__(self, form: Form) -> None:
        self._reads = [(field.name, _reader(field)) for field in form.fields]
        self._texts = [(field.name, _text_reader(field)) for field in form.fields]

    def row(self, request: Mapping[str, Any]) -> Row:
        """The inputs of a request with values as in JSON. Raises FormError naming every field."""
        return _row(self._reads, request)

    def text_row(self, cells: Mapping[str, str]) -> Row:
        """The inputs of a table's row, whose values are texts. Raises FormError likewise."""
        return _row(self._texts, cells)


def _row(reads: list[tuple[str, _Read]], request: Mapping[str, Any]) -> Row:
    values, problems = [], []
    for name, read in reads:
        try:
            values.append(read(request[name]))
        except KeyError:
            problems.append(Problem(name, "is missing"))
        except _Wrong as reason:
            problems.append(Problem(name, str(reason)))
    if problems:
        raise FormError(tuple(problems))
    return tuple(values)


def _reader(field: Field) -> _Read:
    return _choice_reader(field) if isinstance(field, Choice) else _quantity_reader(field)


def _text_reader(field: Field) -> _Read:
    read = _reader(field)
    if isinstance(field, Choice):
        return lambda text: read(text.strip())
    return lambda text: read(_number(text))


def _choice_reader(field: Choice) -> _Read:
    places = {choice: float(place) for place, choice in enumerate(field.choices)}
    must = f"must be one of {', '.join(field.choices)}"

    def read(value: Any) -> float:
        place = places.get(value) if isinstance(value, str) else None
        if place is None:
            raise _Wrong(must)
        return place

    return read


def _quantity_reader(field: Quantity) -> _Read:
    low, high, empty = field.low, field.high, field.empty
    whole = isinstance(field, Whole)
    must = must_be(field)

    def read(value: Any) -> float:
        if type(value) is not int and type(value) is not float:
            if empty is not None and _is_empty(value):
                return empty
            raise _Wrong(must)
        if not low <= value <= high or (whole and value != math.floor(value)):
            raise _Wrong(must)
        return float(value)

    return read


def must_be(field: Quantity) -> str:
    """What a value of a quantity must be, in words."""
    kind = "a whole number" if isinstance(field, Whole) else "a number"
    unit = f" ({field.unit})" if field.unit else ""
    empty = "" if field.empty is None else f", or empty, which means {field.empty:g}"
    return f"must be {kind} from {field.low:,.15g} to {field.high:,.15g}{unit}{empty}"


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _number(text: str) -> Any:
    """The number that a cell holds; the text itself where it holds none."""
    try:
        return float(text) if text.isascii() and "_" not in text else text
    except ValueError:
        return text
