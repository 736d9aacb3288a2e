"""The records to send, one after the other: a world's own, or world after world as time goes by."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from types import ModuleType
from typing import cast

from pipeline.errors import SettingsError
from pipeline.world import SourceRecord, World, WorldSize

Build = Callable[[WorldSize], World]
Order = Callable[[Iterator[SourceRecord]], Iterator[SourceRecord]]


def world_of(use_case: str) -> Build:
    """What builds the world of the case in the folder `use_case`.

    Raises SettingsError where the case brings none.
    """
    return cast("Build", _module(use_case).build)


def drifting_world_of(use_case: str, share: float) -> Build:
    """What builds the case's world that changes after `share` of its time, from 0 to below 1.

    Raises SettingsError where the case brings none, or the share is none.
    """
    if not 0 <= share < 1:
        raise SettingsError(f"a share of {share} is none", "Ask for 0 or more, and less than 1")
    drifting = getattr(_module(use_case), "drifting", None)
    if drifting is None:
        raise SettingsError(
            f"the world of {use_case!r} never changes",
            f"Leave out --drift, or write drifting() in use_cases/{use_case}/world.py",
        )
    return cast("Build", drifting(share))


def _module(use_case: str) -> ModuleType:
    name = f"use_cases.{use_case}.world"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise
        raise SettingsError(
            f"the use case {use_case!r} has no world to generate",
            f"Write use_cases/{use_case}/world.py with build(size), or send its events yourself",
        ) from None


def live(
    build: Build, size: WorldSize, now: Callable[[], int], order: Order = iter
) -> Iterator[SourceRecord]:
    """Worlds without end, seed after seed, each record stamped `now()` when it is taken.

    `order` is what becomes of each world's records on their way.
    """
    for seed in count(size.seed):
        yield from order(build(replace(size, seed=seed, end=now())).live(now))
