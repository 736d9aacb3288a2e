"""A committed log and what it comes to: the fold does not change unless its version does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support import golden
from tests.support.golden import ACTIVITY, ALL, FIRST_DAY, Golden


@pytest.mark.parametrize("recorded", ALL, ids=lambda one: one.case.name)
@pytest.mark.parametrize(("size", "cached"), [(7, 3), (1, 1), (1000, 1000)])
def test_states_and_outputs_of_the_golden_log_are_the_committed_ones(
    recorded: Golden, size: int, cached: int
) -> None:
    """If it is meant: raise `fold_version`, then run `python -m tests.support.golden`."""
    assert recorded.outcome(size, cached) == recorded.expected()


@pytest.fixture
def copied(tmp_path: Path) -> Golden:
    shutil.copy(FIRST_DAY.folder / "log.ndjson", tmp_path)
    return Golden(FIRST_DAY.case, tmp_path)


def test_a_changed_fold_of_the_same_version_is_not_recorded(
    copied: Golden, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {**FIRST_DAY.expected(), "entities": {}}
    (copied.folder / "expected.json").write_text(json.dumps(other))
    monkeypatch.setattr(golden, "ALL", (copied,))
    assert golden.main() == 1
    assert "raise its fold_version" in capsys.readouterr().err
    assert copied.expected() == other


def test_a_changed_fold_of_another_version_is_recorded(copied: Golden) -> None:
    (copied.folder / "expected.json").write_text(json.dumps({"fold_version": 0}))
    assert copied.record()
    assert copied.expected() == FIRST_DAY.expected()


def test_the_golden_log_has_every_kind_of_record() -> None:
    values = [record.value or b"" for record in FIRST_DAY.log()]
    assert all(
        any(sign in value for value in values)
        for sign in (b'"lookup"', b'"erase"', b"registration", b"purchase", b"bet", b"win")
    )


def test_the_golden_log_of_rolling_windows_has_every_kind_of_record() -> None:
    values = [record.value or b"" for record in ACTIVITY.log()]
    assert all(
        any(sign in value for value in values) for sign in (b'"erase"', b"session", b"bet", b"win")
    )
