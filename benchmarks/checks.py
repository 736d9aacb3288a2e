"""What has to be true for a ratio to mean anything: all of the work was done, and the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.contender import Failed
from benchmarks.lab import Lab

_RELATIVE = 1e-9

Features = Mapping[str, Mapping[str, float]]
"""Feature by name, by user."""


def stored_features(lab: Lab, prefix: str) -> Features:
    """The features of all users whose Redis keys begin with `prefix`, 0 where one is missing."""
    return {
        key.decode().rpartition(":")[2]: _features(lab, key)
        for key in lab.redis.scan_iter(f"{prefix}*")
    }


def check_same_features(found: Features, wanted: Features) -> None:
    """Raises Failed unless all users of `found` have the features that they have in `wanted`."""
    differing = [
        f"{name} of {user} is {value}, not {wanted[user][name]}"
        for user, features in found.items()
        for name, value in features.items()
        if not math.isclose(value, wanted[user][name], rel_tol=_RELATIVE)
    ]
    if differing or not found:
        raise Failed(f"{len(differing)} features differ of {len(found)} users: {differing[:3]}")


def check_rows(directory: Path, wanted: int) -> None:
    """Raises Failed unless the Parquet files under `directory` have so many rows in all."""
    rows = sum(pq.read_metadata(path).num_rows for path in directory.rglob("*.parquet"))
    if rows != wanted:
        raise Failed(f"{rows} rows in Parquet, not {wanted}")


def _features(lab: Lab, key: bytes) -> dict[str, float]:
    values = lab.redis.hmget(key, lab.case.features)
    return {
        name: float(value or 0.0) for name, value in zip(lab.case.features, values, strict=True)
    }
