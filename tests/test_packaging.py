"""What the code imports is what the project says it needs."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OURS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"][
    "wheel"
]["packages"]
EXTRAS = {
    "embedded": ["embedded"],
    "mlflow": ["mlflow_bridge"],
    "training": ["training", "promotion", "cli"],
}
"""Folders that may need an extra; all else has to run in the image, which has none."""


def test_the_image_holds_all_that_the_workers_import() -> None:
    base = _names(PROJECT["dependencies"])
    missing = {
        package: needed - base - _extras(package)
        for package in OURS
        if (needed := set(_distributions(package))) - base - _extras(package)
    }
    assert missing == {}


def test_both_locks_pin_all_that_is_declared() -> None:
    declared = _names(PROJECT["dependencies"])
    assert declared <= _pinned("requirements-image.lock")
    for extra in PROJECT["optional-dependencies"].values():
        declared |= _names(extra)
    assert declared <= _pinned("requirements.lock")


def _extras(package: str) -> set[str]:
    optional = PROJECT["optional-dependencies"]
    return {
        name
        for extra, packages in EXTRAS.items()
        if package in packages
        for name in _names(optional[extra])
    }


def _distributions(package: str) -> Iterator[str]:
    """The distributions whose modules a package of ours imports."""
    known = packages_distributions()
    for path in (ROOT / package).rglob("*.py"):
        for module in _imports(ast.parse(path.read_text())):
            if module not in OURS and module not in sys.stdlib_module_names:
                yield _normal(known[module][0])


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _names(requirements: list[str]) -> set[str]:
    return {_normal(re.split(r"[\[<>=,;! ]", one, maxsplit=1)[0]) for one in requirements}


def _pinned(lock: str) -> set[str]:
    return {
        _normal(name)
        for name in re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / lock).read_text(), re.MULTILINE)
    }


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
