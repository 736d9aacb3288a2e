"""A business case that is scored from the request alone: typed fields, no stream, no state.

From its `Form` follow the checks of a request, its JSON Schema and the model's inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

YES_NO = ("No", "Yes")
YEARS = "years"

_MOST_LEVELS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field of a request; all must be there. `about` is what it means, in a few words."""

    name: str
    about: str

    @property
    def input(self) -> str:
        """The name of the model's input column that this field becomes."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity(FormField):
    """A number from `low` to `high`, limits included, in `unit`.

    An empty one means `empty`; where that is None it is refused.
    """

    low: float
    high: float
    example: float
    unit: str = ""
    empty: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole(Quantity):
    """A quantity without a fraction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount(Quantity):
    """A quantity that may have a fraction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(FormField):
    """One of a few texts. The model's input is its place among them, from 0 on."""

    choices: tuple[str, ...]
    example: str

    @property
    def input(self) -> str:
        """The name with the choices in their order: a model made for others is refused."""
        return f"{self.name} ({', '.join(self.choices)})"


Field = Quantity | Choice


@dataclass(frozen=True, slots=True)
class Outcome:
    """The column of a training table that says who churned: `churned` or `stayed`."""

    column: str
    churned: str
    stayed: str


@dataclass(frozen=True, slots=True)
class Form:
    """All that has to be known of a case that is scored from the request.

    `subject` is whom a request describes: a customer. `fair_by` names the fields by whose groups
    training tells a model's errors: choices, a few whole numbers, or an age in years. Raises
    ValueError if inconsistent.
    """

    name: str
    subject: str
    fields: tuple[Field, ...]
    outcome: Outcome
    fair_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problems = [
            *_name_problems(self),
            *_fair_problems(self),
            *(p for one in self.fields for p in _problems(one)),
        ]
        if problems:
            raise ValueError(f"form {self.name}: " + "; ".join(problems))

    @property
    def inputs(self) -> tuple[str, ...]:
        """The model's input columns, one for each field, in their order."""
        return tuple(field.input for field in self.fields)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields in their order."""
        return tuple(field.name for field in self.fields)

    @property
    def example(self) -> Mapping[str, Any]:
        """A request as it should be."""
        return {field.name: field.example for field in self.fields}


def _name_problems(form: Form) -> list[str]:
    names = form.names
    twice = sorted({name for name in names if names.count(name) > 1})
    return [
        *(["it has no fields"] if not names else []),
        *(f"field {name} stands twice" for name in twice),
        *([f"{form.outcome.column} is the outcome"] if form.outcome.column in names else []),
    ]


def _fair_problems(form: Form) -> list[str]:
    divides = {one.name: has_few_levels(one) or is_age(one) for one in form.fields}
    return [
        f"{name} of fair_by is no field whose values make groups"
        for name in form.fair_by
        if not divides.get(name)
    ]


def has_few_levels(field: Field) -> bool:
    """Whether each value that it may have can be a group of its own."""
    if isinstance(field, Choice):
        return True
    return isinstance(field, Whole) and field.high - field.low < _MOST_LEVELS


def is_age(field: Field) -> bool:
    """Whether it is told in years, so that spans of them make groups."""
    return isinstance(field, Quantity) and field.unit == YEARS


def _problems(field: Field) -> list[str]:
    if isinstance(field, Choice):
        return _choice_problems(field)
    inside = field.low <= field.example <= field.high
    meant = field.empty is None or field.low <= field.empty <= field.high
    whole = not isinstance(field, Whole) or all(
        float(value).is_integer()
        for value in (field.low, field.high, field.example, field.empty or 0)
    )
    checks = ((inside, "its example"), (meant, "what empty means"), (whole, "a limit or example"))
    return [f"{what} of {field.name} is none of its values" for holds, what in checks if not holds]


def _choice_problems(field: Choice) -> list[str]:
    return [
        *([f"{field.name} has fewer than two choices"] if len(set(field.choices)) < 2 else []),  # noqa: PLR2004 - with one there is nothing to choose
        *([f"a choice of {field.name} stands twice"] if _twice(field.choices) else []),
        *([f"{field.name} has no choice {field.example!r}"] if _strange(field) else []),
    ]


def _twice(choices: tuple[str, ...]) -> bool:
    return len(set(choices)) < len(choices)


def _strange(field: Choice) -> bool:
    return field.example not in field.choices
