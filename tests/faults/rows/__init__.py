"""The rows, each a module `row_NN_name` of this package with one `ROW`."""

from __future__ import annotations

import importlib
import pkgutil

from tests.faults.row import Row


def all_rows() -> dict[int, Row]:
    """Every row by its number, in the order of the numbers."""
    names = sorted(one.name for one in pkgutil.iter_modules(__path__))
    found: list[Row] = [
        importlib.import_module(f"{__name__}.{name}").ROW
        for name in names
        if name.startswith("row_")
    ]
    return {row.number: row for row in sorted(found, key=lambda row: row.number)}
