"""Rows drawn over the declared ranges. Pure and seeded.

Half of a column is drawn evenly, half by size (as many from 1 to 10 as from 10 to 100), and one in
ten is the lowest: so rows lie at the limits, and also where a model draws its lines.
"""

from __future__ import annotations

import numpy as np

from pipeline.declaration import Number, UseCase
from pipeline.declaration.form import Choice, Field, Form, Whole
from pipeline.windows import WHOLE
from training.table import Floats

_LEAST = 0.01  # the smallest distance to the low limit, but for 0
_LOWEST = 0.1
_EVENLY = 0.5
_MOST_COUNTED = 10_000
_MOST_LOOKED_UP = 10


def drawn_features(case: UseCase, rows: int, seed: int) -> Floats:
    """Inputs (rows, inputs) of a streamed case, each column by itself.

    What is counted goes up to 10,000, what is looked up to 10 in whole numbers; other features go
    up to the highest limit of a declared number, or its square for a variance.
    """
    dice = np.random.default_rng(seed)
    fields = (field for event in case.events for field in event.fields)
    highest = max(field.high for field in fields if isinstance(field, Number))
    looked_up = {one.name for one in case.lookups}
    columns = [
        dice.integers(0, _MOST_LOOKED_UP, rows, endpoint=True)
        if name in looked_up
        else _aggregated(dice, name.rpartition("_")[2], highest, rows)
        for name in case.inputs
    ]
    return np.column_stack(columns).astype(np.float64)


def drawn_requests(form: Form, rows: int, seed: int) -> Floats:
    """Inputs (rows, fields) of a form, each field by itself, choices equally often."""
    dice = np.random.default_rng(seed)
    return np.column_stack([_field(dice, field, rows) for field in form.fields])


def _aggregated(dice: np.random.Generator, statistic: str, highest: float, rows: int) -> Floats:
    if statistic in WHOLE:
        return _whole(dice, 0, _MOST_COUNTED, rows)
    return _by_size(dice, 0, highest**2 if statistic == "var" else highest, rows)


def _field(dice: np.random.Generator, field: Field, rows: int) -> Floats:
    if isinstance(field, Choice):
        return dice.integers(0, len(field.choices), rows).astype(np.float64)
    draw = _whole if isinstance(field, Whole) else _by_size
    return draw(dice, field.low, field.high, rows)


def _whole(dice: np.random.Generator, low: float, high: float, rows: int) -> Floats:
    """Whole numbers, limits included."""
    return np.minimum(np.floor(_by_size(dice, low, high + 1, rows)), high)


def _by_size(dice: np.random.Generator, low: float, high: float, rows: int) -> Floats:
    evenly = dice.uniform(0, high - low, rows)
    sizes = np.exp(dice.uniform(np.log(_LEAST), np.log(high - low), rows))
    distance = np.where(dice.random(rows) < _EVENLY, evenly, sizes)
    distance[dice.random(rows) < _LOWEST] = 0
    column: Floats = low + distance
    return column
