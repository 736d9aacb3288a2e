"""One folder per business case; `load` finds a case by its folder's name."""

from __future__ import annotations

import importlib
import pkgutil

from pipeline.declaration import UseCase
from pipeline.errors import SettingsError


def names() -> list[str]:
    """The names of all business cases, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)


def load(name: str) -> UseCase:
    """The declaration of the case `name`. Raises SettingsError where there is none."""
    if name not in names():
        raise SettingsError(f"there is no use case {name!r}", f"Choose one of {', '.join(names())}")
    case = importlib.import_module(f"use_cases.{name}").USE_CASE
    if not isinstance(case, UseCase) or case.name != name:
        raise SettingsError(
            f"use_cases/{name} declares no UseCase of that name",
            f"Set USE_CASE in use_cases/{name}/__init__.py",
        )
    return case
