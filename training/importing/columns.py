"""How the columns that an imported model reads follow from the declared inputs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.declaration.form import Choice, Form
from pipeline.errors import Refusal
from training.table import Flags, Floats

_SEPARATORS = ("=", "_")  # those of DictVectorizer and of pandas.get_dummies
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the input at `place` as it is; or 1 where it is `level`, and else 0.

    With `texts` it is the text that the input's number stands for.
    """

    place: int
    level: float | None = None
    texts: tuple[str, ...] = ()


Columns = tuple[Column, ...]


def in_order(inputs: Sequence[str], width: int, whose: str) -> Columns:
    """All inputs as they are declared, for a model without names. Raises Refusal."""
    if width != len(inputs):
        raise Refusal(
            f"the model reads {width} columns without names, and {whose} has {len(inputs)} inputs",
            "Train it on a table whose columns are named like the inputs",
        )
    return tuple(map(Column, range(width)))


def of_features(features: Sequence[str], names: Sequence[str], whose: str) -> Columns:
    """The columns of these names, each a feature. Raises Refusal where one is none."""
    return _named({name: Column(place) for place, name in enumerate(features)}, names, whose)


def of_fields(form: Form, names: Sequence[str]) -> Columns:
    """The columns of these names. Raises Refusal where one is not known.

    A name is that of an input; of a field, whose choices then come as texts; or of a field and one
    of its choices, as in `Contract=One year` and `Contract_One year`.
    """
    known: dict[str, Column] = {}
    for place, field in enumerate(form.fields):
        known[field.input] = Column(place)
        if isinstance(field, Choice):
            known[field.name] = Column(place, texts=field.choices)
            for level, choice in enumerate(field.choices):
                for separator in _SEPARATORS:
                    known[f"{field.name}{separator}{choice}"] = Column(place, float(level))
    return _named(known, names, form.name)


def encoded(columns: Columns, inputs: Floats) -> Floats:
    """The columns (rows, columns) of inputs (rows, inputs); where they are texts, their numbers."""
    picked = inputs[:, [one.place for one in columns]]
    rows: Floats = np.where(are_plain(columns), picked, picked == levels(columns))
    return rows


def levels(columns: Columns) -> Floats:
    """The level of each column; 0 where it has none."""
    return np.array([one.level or 0.0 for one in columns])


def are_plain(columns: Columns) -> Flags:
    """Which columns are an input as it is."""
    return np.array([one.level is None for one in columns])


def _named(known: Mapping[str, Column], names: Sequence[str], whose: str) -> Columns:
    strange = [name for name in names if name not in known]
    if strange:
        shown = ", ".join(strange[:_SHOWN]) + (", ..." if len(strange) > _SHOWN else "")
        raise Refusal(
            f"the model reads what {whose} does not declare: {shown}",
            "Train it on the declared inputs, or declare what it reads",
        )
    return tuple(known[name] for name in names)
