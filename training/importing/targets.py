"""What an imported model is for: a streamed case, or one that is scored from the request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import use_cases
from pipeline.declaration import UseCase
from pipeline.declaration.form import Form
from pipeline.errors import SettingsError
from training.data.dataset import read_dataset
from training.forms.missing import filled_in
from training.forms.table import table_of_csv, usual
from training.importing.columns import Columns, in_order, of_features, of_fields
from training.importing.drawing import drawn_features, drawn_requests
from training.importing.loading import Loaded
from training.table import Floats


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows (rows, inputs) to hold answers against, what they are, and what they tell besides."""

    inputs: Floats
    source: str
    tells: Mapping[str, Any]


class Target(Protocol):
    """The case for which a model is imported."""

    @property
    def name(self) -> str:
        """The use case."""
        ...

    @property
    def inputs(self) -> tuple[str, ...]:
        """The model's input columns in their order."""
        ...

    @property
    def classes(self) -> tuple[tuple[Any, Any], ...]:
        """Who stayed and who churned, as a classifier may call them."""
        ...

    def columns(self, loaded: Loaded) -> Columns:
        """How what it reads follows from the inputs. Raises Refusal."""
        ...

    def drawn(self, rows: int, seed: int) -> Sample:
        """Rows over the declared ranges."""
        ...

    def held(self, path: Path) -> Sample:
        """The rows of a file. Raises Refusal."""
        ...

    def finished(self, graph: bytes) -> bytes:
        """What a graph of this case has in front besides."""
        ...


@dataclass(frozen=True, slots=True)
class StreamTarget:
    """A streamed case; its file of rows is a dataset."""

    case: UseCase

    @property
    def name(self) -> str:
        """The use case."""
        return self.case.name

    @property
    def inputs(self) -> tuple[str, ...]:
        """The features that the model reads."""
        return self.case.inputs

    @property
    def classes(self) -> tuple[tuple[Any, Any], ...]:
        """As labels are: 1 churned, 0 stayed."""
        return ((0, 1),)

    def columns(self, loaded: Loaded) -> Columns:
        """Features by their names, or all of them in their order."""
        if loaded.names is None:
            return in_order(self.inputs, loaded.width, self.name)
        return of_features(self.inputs, loaded.names, self.name)

    def drawn(self, rows: int, seed: int) -> Sample:
        """Features over the declared ranges."""
        return Sample(drawn_features(self.case, rows, seed), _drawn(rows, seed), {})

    def held(self, path: Path) -> Sample:
        """The scores of a dataset."""
        dataset = read_dataset(path)
        dataset.check(self.case)
        inputs = dataset.table.inputs
        described = f"{len(inputs):,} scores of the dataset {path.name}"
        return Sample(inputs, described, {"rows_sha256": dataset.source["sha256"]})

    def finished(self, graph: bytes) -> bytes:
        """Nothing: features are never empty."""
        return graph


@dataclass(frozen=True, slots=True)
class FormTarget:
    """A case that is scored from the request; its file of rows is a CSV table."""

    form: Form

    @property
    def name(self) -> str:
        """The use case."""
        return self.form.name

    @property
    def inputs(self) -> tuple[str, ...]:
        """The fields, with their choices."""
        return self.form.inputs

    @property
    def classes(self) -> tuple[tuple[Any, Any], ...]:
        """As labels are, or in the words of the outcome."""
        outcome = self.form.outcome
        return ((0, 1), (outcome.stayed, outcome.churned))

    def columns(self, loaded: Loaded) -> Columns:
        """Fields and their choices by their names, or all fields in their order."""
        if loaded.names is None:
            return in_order(self.form.names, loaded.width, self.name)
        return of_fields(self.form, loaded.names)

    def drawn(self, rows: int, seed: int) -> Sample:
        """Requests over the declared ranges."""
        return Sample(drawn_requests(self.form, rows, seed), _drawn(rows, seed), {})

    def held(self, path: Path) -> Sample:
        """The rows of a CSV table, which tell the usual request as well."""
        inputs = table_of_csv(self.form, path).inputs
        described = f"{len(inputs):,} {self.form.subject}s in {path.name}"
        return Sample(inputs, described, {"usual": usual(self.form, inputs)})

    def finished(self, graph: bytes) -> bytes:
        """What an empty field means."""
        return filled_in(graph, self.form)


def target_of(use_case: str) -> Target:
    """The target of this name. Raises SettingsError where no such case has a model."""
    if use_case in use_cases.forms():
        return FormTarget(use_cases.load_form(use_case))
    case = use_cases.load(use_case)
    if case.model is None:
        raise SettingsError(f"{use_case} has no model", "Name another case with --use-case")
    return StreamTarget(case)


def _drawn(rows: int, seed: int) -> str:
    return f"{rows:,} rows drawn over the declared ranges, seed {seed}"
