"""Shipped models are read beside the user's own, and never written."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import manifest
from pipeline.manifest import model_folder, readable_folder, versions_of
from pipeline.registry import ALIASES, Aliases, aliases_of, keep_champion, write_aliases

CASE = "a_case"


def version(home: Path, name: str, content: str) -> Path:
    folder = home / CASE / name
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_text(content)
    return folder


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Versions 1 and 2 come with the code."""
    home = tmp_path / "shipped"
    version(home, "1", "ours")
    version(home, "2", "ours")
    monkeypatch.setattr(manifest, "SHIPPED", home)
    return home


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Where the user's own would lie."""
    return tmp_path / "models"


def files(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.rglob("*")}


def test_without_any_of_the_user_the_newest_shipped_one_is_champion(
    shipped: Path, models: Path
) -> None:
    assert aliases_of(models, CASE).champion == "2"
    assert readable_folder(models, CASE, "2") == shipped / CASE / "2"


def test_both_are_listed_and_the_users_own_has_precedence(shipped: Path, models: Path) -> None:
    mine = version(models, "2", "mine")
    version(models, "3", "mine")
    assert versions_of(models, CASE) == ["1", "2", "3"]
    assert readable_folder(models, CASE, "2") == mine
    assert readable_folder(models, CASE, "1") == shipped / CASE / "1"


def test_what_is_written_goes_to_the_user(shipped: Path, models: Path) -> None:
    assert not model_folder(models, CASE, "1").is_relative_to(shipped)
    before = files(shipped)
    keep_champion(models, CASE)
    assert files(shipped) == before
    assert (models / CASE / ALIASES).exists()


def test_what_an_alias_names_stays_as_it_is_when_another_release_ships_other_bytes(
    shipped: Path, models: Path
) -> None:
    write_aliases(models, CASE, Aliases(champion="2", before=("1",)))
    for name in ("1", "2"):
        (shipped / CASE / name / "model.onnx").write_text("of the next release")
        assert (readable_folder(models, CASE, name) / "model.onnx").read_text() == "ours"
    assert files(models / CASE) == {ALIASES, "1", "2", "1/model.onnx", "2/model.onnx"}


def test_shipped_aliases_hold_until_the_user_has_some(shipped: Path, models: Path) -> None:
    (shipped / CASE / ALIASES).write_text('{"champion": "1"}')
    assert aliases_of(models, CASE).champion == "1"
    write_aliases(models, CASE, Aliases(champion="2"))
    assert aliases_of(models, CASE).champion == "2"
