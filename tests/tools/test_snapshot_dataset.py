"""A snapshot's scores as a dataset hold what training reads from the world itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import use_cases
from pipeline.manifest import readable_folder
from pipeline.registry import aliases_of
from pipeline.world import WorldSize
from tools import evaluation, snapshot_dataset, world_snapshot
from tools.snapshot import Snapshot
from training.data.dataset import read_dataset
from training.source import table_of_world, world_of

CASE = use_cases.load("first_day_churn")
SIZE = WorldSize(users=60, events=10, seed=3)
MODELS = Path(__file__).parents[2] / "models"


def snapshot(folder: Path, users: int = SIZE.users) -> Path:
    world_snapshot.main(folder, users=users, events=SIZE.events, seed=SIZE.seed)
    return folder


def dataset(folder: Path, users: int = SIZE.users) -> Path:
    path = folder / "made.parquet"
    snapshot_dataset.main(snapshot(folder / "snapshot", users), path)
    return path


def test_a_snapshot_holds_what_the_world_sends(tmp_path: Path) -> None:
    taken, world = Snapshot(snapshot(tmp_path), CASE), world_of(CASE.name, SIZE)
    assert list(taken.events()) == list(world.events())
    assert {name: dict(rows) for name, rows in taken.lookups().items()} == {
        name: dict(rows) for name, rows in world.lookups().items()
    }


def test_a_dataset_reads_back_as_the_worlds_own_table(tmp_path: Path) -> None:
    table = table_of_world(CASE, world_of(CASE.name, SIZE), SIZE.end)
    made = read_dataset(dataset(tmp_path))
    made.check(CASE)
    np.testing.assert_array_equal(made.table.inputs, table.inputs)
    np.testing.assert_array_equal(made.table.labels, table.labels)
    np.testing.assert_array_equal(made.table.users, table.users)
    assert made.table.entities == table.entities


@pytest.mark.parametrize("file", ["made.parquet", "snapshot/events.parquet"])
def test_the_same_seed_gives_the_same_bytes(file: str, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        dataset(folder)
    assert (one / file).read_bytes() == (other / file).read_bytes()


def test_an_evaluation_knows_the_shipped_model(tmp_path: Path) -> None:
    out = tmp_path / "metrics.json"
    shipped = readable_folder(MODELS, CASE.name, aliases_of(MODELS, CASE.name).champion)
    evaluation.main(shipped, dataset(tmp_path, 400), out, models=MODELS)
    assert '"is_the_shipped_model": true' in out.read_text()
