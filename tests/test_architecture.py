"""What the code may import, how long its pieces may be, and who may know the time and the settings.

The rules are those of docs/ and of CONTRIBUTING.md; each is checked on the source itself.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parent.parent
PACKAGES: tuple[str, ...] = tuple(
    tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
)
MOST_LINES, MOST_FUNCTION_LINES = 400, 60

KAFKA_EDGES = ("pipeline/kafka/", "cli/")
REDIS_EDGES = ("pipeline/store/", "embedded/", "cli/")
EDGES = {
    "aiokafka": KAFKA_EDGES,
    "kafka": KAFKA_EDGES,
    "redis": REDIS_EDGES,
    "faust": ("stream_features/service.py",),
    "mode": ("stream_features/service.py",),
    "onnxruntime": ("serving/model.py", "training/"),
    "pyarrow": (
        "pipeline/parquet/tables.py",
        "pipeline/parquet/format.py",
        "pipeline/parquet/files.py",
        "pipeline/parquet/rows.py",
        "inference_logger/",
        "rebuild/",
        "compaction/",
        "training/",
        "promotion/",
        "cli/",
    ),
    "pandas": ("training/", "promotion/", "cli/"),
    "sklearn": ("training/", "promotion/"),
    "skl2onnx": ("training/",),
    "mlflow": ("mlflow_bridge/server.py", "mlflow_bridge/mlmodel.py"),
    "fastapi": ("serving/http/",),
    "starlette": ("serving/http/",),
    "uvicorn": ("cli/commands/api.py", "serving/http/protocol.py"),
    "subprocess": ("embedded/", "cli/"),
    "aiosmtplib": ("marketing/mailing/smtp.py",),
    "httpx": ("cli/offers/asking.py",),
}
"""Who may import a client: folders end with a slash."""

RULES = ("aiokafka.partitioner.murmur2",)
"""What of a client is no client: the partitioner's hash."""

ENVIRONMENT = (
    "pipeline/process.py",
    "pipeline/health.py",  # `pipeline-health`, an entry point
    "generator/__main__.py",
    "generator/command.py",
    "training/__main__.py",
    "training/forms/__main__.py",
    "embedded/__main__.py",
    "serving/http/app.py",
    "cli/",
)
"""Entry points, which hand the environment to `read_settings`."""

WALL_CLOCKS = ("time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "date.today")
KNOW_THE_TIME = ("pipeline/clock.py", "embedded/__main__.py", "cli/")

PURE = (
    "pipeline/conflicts.py",
    "pipeline/control.py",
    "pipeline/declaration/fields.py",
    "pipeline/declaration/form.py",
    "pipeline/declaration/form_reading.py",
    "pipeline/declaration/form_world.py",
    "pipeline/declaration/possible.py",
    "pipeline/declaration/use_case.py",
    "pipeline/events.py",
    "pipeline/fold.py",
    "pipeline/keys.py",
    "pipeline/latest_score.py",
    "pipeline/marker.py",
    "pipeline/offers/deciding.py",
    "pipeline/origin.py",
    "pipeline/partitioner.py",
    "pipeline/records.py",
    "pipeline/parquet/refold.py",
    "pipeline/rejection.py",
    "pipeline/state.py",
    "pipeline/times.py",
    "pipeline/topics.py",
    "pipeline/validation.py",
    "pipeline/windows/family.py",
    "pipeline/windows/kept.py",
    "pipeline/windows/moments.py",
    "pipeline/windows/rolling.py",
    "pipeline/windows/tiles.py",
    "event_handler/core.py",
    "marketing/inferences.py",
    "marketing/occasions.py",
    "marketing/remembering.py",
    "stream_features/cache.py",
    "stream_features/core.py",
    "serving/core.py",
)
IMPURE = {"asyncio", "os", "random", "socket", "subprocess", "threading", "time", "uuid", "pathlib"}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def modules(*folders: str) -> list[Path]:
    """Every module of these folders, generated ones aside."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def is_allowed(path: Path, places: tuple[str, ...]) -> bool:
    name = name_of(path)
    return any(name.startswith(one) if one.endswith("/") else name == one for one in places)


def imports(path: Path) -> Iterator[str]:
    """The full names of everything that a module imports."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dotted(node: ast.expr) -> str:
    """`datetime.now` of `datetime.now(UTC)`; the last two names of anything longer."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        names.append(node.id)
    return ".".join(names[1::-1])


def test_no_stage_imports_another_and_the_core_imports_no_stage() -> None:
    """The contract in pyproject.toml, without exception."""
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_every_package_is_in_the_contract_and_in_the_wheel() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    layers = project["importlinter"]["contracts"][0]["layers"]
    named = {name.strip() for layer in layers for name in layer.split("|")}
    built = project["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert named == set(PACKAGES) == {*built} - {"models"}  # which holds no code


def test_every_package_reaches_the_image() -> None:
    kept = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().split()}
    assert set(PACKAGES) <= kept


def test_the_contract_has_no_exceptions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert not any("ignore_imports" in contract for contract in project["contracts"])


@pytest.mark.parametrize("client", EDGES)
def test_a_client_is_imported_only_at_its_edge(client: str) -> None:
    strangers = [
        f"{name_of(path)} imports {name}"
        for path in modules(*PACKAGES)
        for name in imports(path)
        if name.split(".")[0] == client and name not in RULES
        if not is_allowed(path, EDGES[client])
    ]
    assert strangers == []


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_knows_no_client_clock_or_environment(name: str) -> None:
    found = {
        one
        for one in imports(ROOT / name)
        if one.split(".")[0] in {*IMPURE, *EDGES} and one not in RULES
    }
    assert found == set()


def test_only_entry_points_read_the_environment() -> None:
    readers = [
        name_of(path)
        for path in modules(*PACKAGES)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and dotted(node) in {"os.environ", "os.getenv"}
        if not is_allowed(path, ENVIRONMENT)
    ]
    assert readers == []


def test_the_wall_clock_is_read_only_behind_its_seam_and_at_entry_points() -> None:
    readers = [
        f"{name_of(path)}:{node.lineno}"
        for path in modules(*PACKAGES)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and dotted(node) in WALL_CLOCKS
        if not is_allowed(path, KNOW_THE_TIME)
    ]
    assert readers == []


def test_no_module_is_longer_than_400_lines() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in everything()}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_no_function_is_longer_than_60_lines() -> None:
    long = [
        f"{name_of(path)}: {node.name}"
        for path in everything()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (node.end_lineno or 0) - node.lineno >= MOST_FUNCTION_LINES
    ]
    assert long == []


def test_an_entry_point_wires_its_stage_in_under_60_lines() -> None:
    lengths = {
        name_of(path): len(path.read_text().splitlines())
        for path in modules(*PACKAGES)
        if path.name == "__main__.py"
    }
    assert {name: length for name, length in lengths.items() if length >= 60} == {}


def test_every_package_says_first_what_it_is() -> None:
    silent = [name for name in PACKAGES if not ast.get_docstring(tree(ROOT / name / "__init__.py"))]
    assert silent == []


def everything() -> list[Path]:
    return modules(*PACKAGES, "tests", "benchmarks", "tools")
