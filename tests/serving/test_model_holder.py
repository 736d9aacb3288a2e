from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

import use_cases
from pipeline.errors import Refusal
from pipeline.manifest import CARD, MODEL, model_folder, read_manifest, write_model
from serving.holder import ModelHolder

CASE = use_cases.load("first_day_churn")
SHIPPED = Path(__file__).parents[2] / "models" / CASE.name / "1"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    shutil.copytree(SHIPPED, model_folder(tmp_path, CASE.name, "1"))
    return tmp_path


def copied(models: Path, version: str) -> Path:
    """The shipped model once more, under another version."""
    folder = model_folder(models, CASE.name, version)
    manifest = replace(read_manifest(SHIPPED), version=version)
    write_model(folder, manifest, (SHIPPED / MODEL).read_bytes(), (SHIPPED / CARD).read_text())
    return folder


def test_it_starts_with_the_newest_version(models: Path) -> None:
    copied(models, "2")
    copied(models, "10")
    assert ModelHolder.load(models, CASE).current.version == "10"


def test_without_a_model_it_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="there is no model"):
        ModelHolder.load(tmp_path, CASE)


def test_a_swap_puts_the_new_model_in_force(models: Path) -> None:
    holder = ModelHolder.load(models, CASE)
    holder.swap(copied(models, "2"))
    assert holder.current.version == "2"


def test_a_batch_that_took_the_old_model_keeps_it(models: Path) -> None:
    holder = ModelHolder.load(models, CASE)
    taken = holder.current
    holder.swap(copied(models, "2"))
    assert taken.version == "1"


def test_a_broken_model_leaves_the_last_good_one_in_force(models: Path) -> None:
    holder = ModelHolder.load(models, CASE)
    broken = copied(models, "2")
    (broken / MODEL).write_bytes(b"")
    with pytest.raises(Refusal, match="is not the file"):
        holder.swap(broken)
    assert holder.current.version == "1"


def test_a_reader_never_sees_anything_but_a_whole_model(models: Path) -> None:
    holder = ModelHolder.load(models, CASE)
    folders = [copied(models, "2"), copied(models, "3")]
    seen: set[str] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(holder.current.version)

    reader = threading.Thread(target=read)
    reader.start()
    for folder in folders * 5:
        holder.swap(folder)
    done.set()
    reader.join(timeout=5)
    assert seen <= {"1", "2", "3"}
    assert holder.current.version == "3"
