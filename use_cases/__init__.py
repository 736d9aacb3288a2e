"""One folder per business case; `load` finds a streamed case by its name, `load_form` a form."""

from __future__ import annotations

import importlib
import pkgutil

from pipeline.declaration import UseCase
from pipeline.declaration.form import Form
from pipeline.errors import SettingsError


def names() -> list[str]:
    """The names of all business cases, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)


def streams() -> list[str]:
    """The names of those that are folded from a stream, sorted. Imports them all."""
    return [name for name in names() if isinstance(_declared(name), UseCase)]


def forms() -> list[str]:
    """The names of those that are scored from the request, sorted. Imports them all."""
    return [name for name in names() if isinstance(_declared(name), Form)]


def load(name: str) -> UseCase:
    """The declaration of the streamed case `name`. Raises SettingsError where there is none."""
    case = _declared(name)
    if isinstance(case, Form):
        raise SettingsError(
            f"{name} is scored from the request, and has no stream",
            f"Score it with `pipeline predict`, train it with `pipeline train`, "
            f"or choose one of {', '.join(streams())}",
        )
    return case


def load_form(name: str) -> Form:
    """The case `name` that is scored from the request. Raises SettingsError where there is none."""
    form = _declared(name)
    if isinstance(form, UseCase):
        raise SettingsError(
            f"{name} is folded from a stream, and cannot be scored from a request",
            f"Choose one of {', '.join(forms())}",
        )
    return form


def check(name: str) -> None:
    """Raises SettingsError where there is no business case `name`; imports none."""
    if name not in names():
        raise SettingsError(f"there is no use case {name!r}", f"Choose one of {', '.join(names())}")


def _declared(name: str) -> UseCase | Form:
    check(name)
    case = importlib.import_module(f"use_cases.{name}").USE_CASE
    if not isinstance(case, UseCase | Form) or case.name != name:
        raise SettingsError(
            f"use_cases/{name} declares no case of that name",
            f"Set USE_CASE in use_cases/{name}/__init__.py",
        )
    return case
