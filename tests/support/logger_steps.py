"""The places at which the logger may die."""

from __future__ import annotations

STEPS = (
    "before-write",
    "after-write",
    "after-fsync",
    "before-link",
    "after-link",
    "before-commit",
)
