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
from pipeline.manifest import read_manifest, readable_folder
from pipeline.registry import aliases_of
from serving.holder import Complaints, ModelHolder
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
        """The champion of `form` under `models`. Raises Refusal if it is no good."""
        folder = readable_folder(models, form.name, aliases_of(models, form.name).champion)
        return cls.of(folder, form, Model.load(folder, as_case(form)))

    @classmethod
    def of(cls, folder: Path, form: Form, model: Scorer) -> Self:
        """`model`, loaded from `folder`. Raises Refusal if its manifest is no good."""
        try:
            return cls(form, model, read_manifest(folder).training.get(USUAL))
        except FormError as error:
            raise Refusal(
                f"{folder}: the usual {form.subject} is no {form.subject}: {error.detail}",
                f"Train another version: PIPELINE_USE_CASE={form.name} pipeline train",
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


class FormHolder:
    """Holds the champion of a form; a request takes `current` once and keeps to it."""

    def __init__(self, models: Path, form: Form) -> None:
        """Raises Refusal if the champion is no good."""
        self._models = models
        self._form = form
        self._holder = ModelHolder.load(models, as_case(form))
        self._complaints = Complaints(form.name)
        self._model = self._holder.current
        self._current = self._scorer(self._model)

    @property
    def current(self) -> FormScorer:
        """The model in force. Safe from any thread."""
        return self._current

    def follow(self) -> None:
        """Put in force what the aliases name now. Blocks while a model is loaded; one thread only.

        A champion that is no good, or whose usual request is none, leaves the model before; it is
        named in log and metric, and tried again the next time.
        """
        self._holder.follow()
        refused = {}
        if self._holder.current is not self._model:
            try:
                self._current = self._scorer(self._holder.current)
                self._model = self._holder.current
            except Refusal as problem:
                refused[self._holder.current.version] = str(problem)
        self._complaints.tell(refused)

    def _scorer(self, model: Model) -> FormScorer:
        folder = readable_folder(self._models, self._form.name, model.version)
        return FormScorer.of(folder, self._form, model)


def as_case(form: Form) -> UseCase:
    """A form, for those that ask a case only for its name and the model's inputs."""
    return cast("UseCase", form)


def _value(field: Field, value: float) -> str | float:
    """What the request said: a choice's text, or the number."""
    return field.choices[int(value)] if isinstance(field, Choice) else value
