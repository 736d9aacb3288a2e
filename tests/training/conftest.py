"""A small world and its table, made once."""

from __future__ import annotations

import pytest

import use_cases
from pipeline.declaration import UseCase
from pipeline.world import WorldSize
from training.source import table_of_world, world_of
from training.table import Table

SIZE = WorldSize(users=150, events=30, seed=7)


@pytest.fixture(scope="session")
def case() -> UseCase:
    return use_cases.load("first_day_churn")


@pytest.fixture(scope="session")
def table(case: UseCase) -> Table:
    return table_of_world(case, world_of(case.name, SIZE), SIZE.end)
