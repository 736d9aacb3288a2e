from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import use_cases
from pipeline.declaration.form import Form
from training.forms.table import FormTable, table_of_world, worlds_of
from training.importing.importer import Imported, Order, imported
from training.importing.loading import ModelFile, load_trusted
from training.importing.targets import Target, target_of
from training.table import Floats

ROWS = 800


@pytest.fixture(scope="session")
def telecom() -> Form:
    return use_cases.load_form("telecom_churn")


@pytest.fixture(scope="session")
def customers(telecom: Form) -> FormTable:
    return table_of_world(telecom, next(iter(worlds_of(telecom).values())), ROWS, 3)


@pytest.fixture(scope="session")
def scores() -> tuple[Floats, Any]:
    """Features of the streamed case, and labels that depend on two of them."""
    inputs = target_of("first_day_churn").drawn(ROWS, 5).inputs
    noise = np.random.default_rng(5).normal(size=ROWS)
    return inputs, (np.log1p(inputs[:, 5]) - inputs[:, 0] + noise > 0).astype(int)


@pytest.fixture(scope="session")
def bring() -> Callable[[str, Any], Imported]:
    """Imports what somebody pickled."""

    def bring(use_case: str, held: Any, rows: int = ROWS) -> Imported:
        target: Target = target_of(use_case)
        file = ModelFile("theirs.pkl", pickle.dumps(held))
        sample = target.drawn(rows, 1)
        return imported(Order(target, 0.5, 1), "7", file, load_trusted(file), sample)

    return bring
