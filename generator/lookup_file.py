"""Writes a world's lookup table as a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from pipeline.declaration import Lookup


def write_lookup(path: Path, lookup: Lookup, rows: Iterable[tuple[int | str, float]]) -> None:
    """Write `rows` under the lookup's key and name, such as `postcode,socioeconomic_idx`.

    Makes the folder; replaces the file as a whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((lookup.key, lookup.name))
        writer.writerows(rows)
    unfinished.replace(path)
