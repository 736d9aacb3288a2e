"""Scores a request as it is: a customer's or a subscriber's fields in, a probability out.

What decodes is apart from what scores, so that a model can be swapped between two requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt

from pipeline.declaration import UseCase
from pipeline.declaration.form import Choice, Field, Form
from pipeline.declaration.form_reading import FormError, FormReader, Row
from pipeline.errors import Refusal
from pipeline.manifest import newest_folder, read_manifest
from serving.model import Model
from serving.scorer import Scorer

USUAL = "usual"
"""Under which name a manifest's training keeps the usual request."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A field that moved a score, and by how much of a probability: above 0 towards churn."""

    field: str
    value: str | float
    moved: float


class FormScorer:
    """One version of a form's model, ready to score requests."""

    def __init__(self, form: Form, model: Scorer, usual: Mapping[str, Any] | None = None) -> None:
        self._form = form
        self._reader = FormReader(form)
        self._model = model
        self._usual = self._reader.row(form.example if usual is None else usual)

    @classmethod
    def load(cls, models: Path, form: Form) -> Self:
        """The newest version of `form`'s model under `models`. Raises Refusal if it is no good."""
        folder = newest_folder(models, form.name)
        case = cast("UseCase", form)  # a model asks a case only for its name and inputs
        model, training = Model.load(folder, case), read_manifest(folder).training
        try:
            return cls(form, model, training.get(USUAL))
        except FormError as error:
            raise Refusal(
                f"{folder}: the usual {form.subject} is no {form.subject}: {error.detail}",
                f"Train it again: python -m training.forms --use-case {form.name}",
            ) from error

    @property
    def form(self) -> Form:
        """What it scores."""
        return self._form

    @property
    def name(self) -> str:
        """The use case that the model was trained for."""
        return self._model.name

    @property
    def version(self) -> str:
        """The model's version, a whole number as text."""
        return self._model.version

    @property
    def hash(self) -> str:
        """The SHA-256 of the model's file, 64 hex digits."""
        return self._model.hash

    def decode(self, request: Mapping[str, Any]) -> Row:
        """The inputs of a request with values as in JSON.

        Raises FormError, a DataError whose `problems` name each field at fault and the reason.
        """
        return self._reader.row(request)

    def decode_cells(self, cells: Mapping[str, str]) -> Row:
        """The inputs of a row of a table, where all values are texts. Raises FormError likewise."""
        return self._reader.text_row(cells)

    def score(self, rows: Sequence[Row]) -> npt.NDArray[np.float64]:
        """The probability of churn of each row. Safe from any thread."""
        matrix = np.asarray(rows, dtype=np.float64).reshape(-1, len(self._form.fields))
        return self._model.score(matrix)

    def decide(self, probability: float) -> str:
        """`churn` or `no churn`, by the model's threshold."""
        return self._model.decide(probability)

    def reasons(self, row: Row, most: int = 3) -> list[Reason]:
        """The fields that moved its score most, the strongest first; none that did not.

        A field moved it by the difference to the score that it would have with the usual value.
        """
        swapped = [
            (*row[:place], usual, *row[place + 1 :]) for place, usual in enumerate(self._usual)
        ]
        mine, *others = self.score([row, *swapped]).tolist()
        reasons = [
            Reason(field.name, _value(field, value), mine - other)
            for field, value, other in zip(self._form.fields, row, others, strict=True)
        ]
        strongest = sorted(reasons, key=lambda one: -abs(one.moved))
        return [one for one in strongest[:most] if one.moved]


def _value(field: Field, value: float) -> str | float:
    """What the request said: a choice's text, or the number."""
    return field.choices[int(value)] if isinstance(field, Choice) else value
