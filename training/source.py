"""Where a training table comes from: a use case's seeded world."""

from __future__ import annotations

import importlib
from typing import cast

from pipeline.declaration import UseCase
from pipeline.errors import SettingsError
from pipeline.world import World, WorldSize
from training.history import History, canonical_events, tables_of
from training.table import Table, table


def world_of(use_case: str, size: WorldSize) -> World:
    """The world of the case in the folder `use_case`. Raises SettingsError where it has none."""
    package = f"use_cases.{use_case}"
    name = f"{package}.world"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in (package, name):
            raise
        raise SettingsError(
            f"the use case {use_case!r} has no world to train on",
            f"Write use_cases/{use_case}/world.py with build(size)",
        ) from None
    return cast("World", module.build(size))


def table_of_world(case: UseCase, world: World, end: int) -> Table:
    """The scores of a whole world that ends at `end` (microseconds), as they were asked for."""
    history = History(case, tables_of(world))
    rows = history.scored(canonical_events(case, world, end))
    return table(rows, history.labels, len(case.inputs))
