"""The training table of a form: a row for each customer, from an invented world or from CSV."""

from __future__ import annotations

import csv
import hashlib
import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TextIO, cast

import numpy as np

from pipeline.declaration.form import Choice, Form, Whole
from pipeline.declaration.form_reading import FormError, FormReader, Row
from pipeline.declaration.form_world import FormWorld
from pipeline.errors import Refusal, SettingsError
from training.table import Floats, Integers


@dataclass(frozen=True, slots=True)
class FormTable:
    """Inputs (rows, fields), labels (rows,), and true probabilities where a world knows them."""

    inputs: Floats
    labels: Integers
    probabilities: Floats | None = None

    @classmethod
    def of(cls, rows: Iterable[tuple[Row, bool]]) -> Self:
        """The table of rows with who churned."""
        inputs, churned = zip(*rows, strict=True)
        return cls(np.array(inputs, dtype=np.float64), np.array(churned, dtype=np.int64))

    def at(self, places: Integers) -> FormTable:
        """The rows in these places."""
        known = self.probabilities
        return FormTable(
            self.inputs[places], self.labels[places], None if known is None else known[places]
        )


def worlds_of(form: Form) -> Mapping[str, FormWorld]:
    """The worlds of a form by name, the usual one first. Raises SettingsError without any."""
    name = f"use_cases.{form.name}.world"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise SettingsError(
            f"the use case {form.name!r} has no world to train on", "Give it a table with --data"
        ) from None
    return cast("Mapping[str, FormWorld]", module.WORLDS)


def table_of_world(form: Form, world: FormWorld, rows: int, seed: int) -> FormTable:
    """So many invented ones of this seed."""
    reader, drawn = FormReader(form), list(world(rows, seed))
    table = FormTable.of((reader.row(one.request), one.churned) for one in drawn)
    return FormTable(table.inputs, table.labels, np.array([one.probability for one in drawn]))


def table_of_csv(form: Form, path: Path) -> FormTable:
    """The rows of a CSV file with a header; what is beside fields and outcome is left alone.

    Raises Refusal that names line and fields where a row cannot be used, or the file not be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return FormTable.of([*_rows(form, path, file)])
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
        raise Refusal(f"{path} cannot be read: {error}", "Name a table in CSV") from error


def digest(path: Path) -> str:
    """The SHA-256 of a file, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def usual(form: Form, inputs: Floats) -> dict[str, Any]:
    """The request made of each field's commonest choice or median, which describes nobody."""
    return {
        field.name: _usual(field, column)
        for field, column in zip(form.fields, inputs.T, strict=True)
    }


def _usual(field: Any, column: Floats) -> Any:
    if isinstance(field, Choice):
        return field.choices[int(np.bincount(column.astype(np.int64)).argmax())]
    median = float(np.median(column))
    return int(median) if isinstance(field, Whole) else round(median, 2)


def _rows(form: Form, path: Path, file: TextIO) -> Iterator[tuple[Row, bool]]:
    reader, outcome = FormReader(form), form.outcome
    known = {outcome.churned: True, outcome.stayed: False}
    lines = csv.DictReader(file)
    for cells in lines:
        try:
            row = reader.text_row({name: cell or "" for name, cell in cells.items() if name})
        except FormError as error:
            raise _unusable(path, lines.line_num, error.detail) from None
        if (churned := known.get(cells.get(outcome.column) or "")) is None:
            must = f"{outcome.column} must be {outcome.churned} or {outcome.stayed}"
            raise _unusable(path, lines.line_num, must)
        yield row, churned


def _unusable(path: Path, line: int, reason: str) -> Refusal:
    return Refusal(f"{path}, line {line}: {reason}", "Mend the row, or leave it out")
