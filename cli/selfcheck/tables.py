"""Lookup tables for the independent recomputation, read with pandas. Blocks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from cli.selfcheck.independent import TableOf
from pipeline.declaration import Integer, UseCase


def table_reader(directory: Path, case: UseCase) -> TableOf:
    """Gives a version's table, each read once. It raises OSError for one that is not there."""
    lookups = {lookup.name: lookup for lookup in case.lookups}

    @cache
    def read(name: str, version: str) -> Mapping[Any, float]:
        lookup = lookups[name]
        is_number = isinstance(case.event(lookup.event).field(lookup.key), Integer)
        path = directory / case.name / name / f"{version}.csv"
        table = pd.read_csv(path, dtype="str", keep_default_na=False)  # all as it is written
        keys, values = table[lookup.key].tolist(), table[name].tolist()
        return dict(zip(map(int, keys) if is_number else keys, map(float, values), strict=True))

    return read
