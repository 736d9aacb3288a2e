"""Which variables are settings, and which of an environment look like one and are none."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pipeline.settings import read_settings

_PREFIX = "PIPELINE_"
_OTHERS = ("PIPELINE_CACHE", "PIPELINE_RUN")
"""Read before there are settings, to find or start the servers that these name."""


@cache
def setting_names() -> frozenset[str]:
    """Every variable that the pipeline reads."""
    recorder = _Recorder()
    read_settings(recorder)
    return frozenset((*recorder.asked, *_OTHERS))


def ignored_variables(environ: Mapping[str, str]) -> list[str]:
    """A sentence on each variable that begins like a setting and is none; never a value."""
    ignored = (name for name in sorted(environ) if _looks_like_one(name))
    return [
        f"{name} is no setting and is ignored{_meant(name)}"
        for name in ignored
        if name not in setting_names()
    ]


class _Recorder(Mapping[str, str]):
    """An empty environment that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getitem__(self, name: str) -> str:
        self.asked.append(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _looks_like_one(name: str) -> bool:
    return name.upper().startswith(_PREFIX)


def _meant(name: str) -> str:
    near = difflib.get_close_matches(name.upper(), setting_names(), n=1, cutoff=0.8)
    return f"; did you mean {near[0]}?" if near else ""
