"""The topics of a use case, by the names a person writes."""

from __future__ import annotations

from dataclasses import astuple

from pipeline.declaration import UseCase
from pipeline.topics import Topics


def full_name(case: UseCase, written: str) -> str:
    """The topic meant: one of the case's own may go without the case's prefix."""
    prefixed = f"{case.topic_prefix}{written}"
    return prefixed if prefixed in astuple(Topics.of(case)) else written
