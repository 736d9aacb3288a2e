"""Trouble with one name is told to who asked for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.errors import InfrastructureError
from serving.http.apart import found_apart


async def shard(names: Sequence[str]) -> Mapping[str, str]:
    """Knows who begins with `a`, and is away for who begins with `z`."""
    if any(name.startswith("z") for name in names):
        raise InfrastructureError("away")
    return {name: name.upper() for name in names if name.startswith("a")}


async def test_trouble_with_one_name_is_no_other_s() -> None:
    known, unknown, away = await found_apart(shard, ["ann", "bob", "zoe"])
    assert (known, unknown) == ("ANN", None)
    assert isinstance(away, InfrastructureError)
