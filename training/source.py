"""Where a training table comes from: a use case's seeded world."""

from __future__ import annotations

import importlib
from typing import cast

from pipeline.declaration import UseCase
from pipeline.errors import SettingsError
from pipeline.world import World, WorldSize
from training.history import History, Sent, canonical_events, tables_of
from training.optimum import OPTIMA, RAW_OPTIMUM
from training.table import Table, table
from training.witness import AGE, Ages, Witness, watched


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


def table_of_world(case: UseCase, world: Sent, end: int) -> Table:
    """The scores of a whole world that ends at `end` (microseconds), as they were asked for.

    Beside each row stand the user's age and, where it is known, the best possible probability.
    """
    witnesses = _witnesses(case, end)
    also = [name for witness in witnesses.values() for name in witness.fields]
    history = History(case, tables_of(world))
    events = watched(canonical_events(case, world, end, also), witnesses.values())
    beside = {name: witness.of for name, witness in witnesses.items()}
    return table(history.scored(events), history.labels, len(case.inputs), beside)


def _witnesses(case: UseCase, end: int) -> dict[str, Witness]:
    optimum = OPTIMA.get(case.name)
    return {AGE: Ages(), **({RAW_OPTIMUM: optimum.of_log(end)} if optimum else {})}
