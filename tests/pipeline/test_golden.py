"""A committed log and what it comes to: the fold does not change unless its version does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import golden


@pytest.mark.parametrize(("size", "cached"), [(7, 3), (1, 1), (1000, 1000)])
def test_states_and_outputs_of_the_golden_log_are_the_committed_ones(
    size: int, cached: int
) -> None:
    """If it is meant: raise `fold_version`, then run `python -m tests.support.golden`."""
    assert golden.outcome(size, cached) == golden.read_expected()


def test_a_changed_fold_of_the_same_version_is_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = tmp_path / "expected.json"
    other = {**golden.read_expected(), "entities": {}}
    recorded.write_text(json.dumps(other))
    monkeypatch.setattr(golden, "EXPECTED", recorded)
    assert golden.main() == 1
    assert "raise fold_version" in capsys.readouterr().err
    assert golden.read_expected() == other


def test_a_changed_fold_of_another_version_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = tmp_path / "expected.json"
    recorded.write_text(json.dumps({"fold_version": 0}))
    monkeypatch.setattr(golden, "EXPECTED", recorded)
    assert golden.main() == 0
    assert golden.read_expected()["fold_version"] == 1


def test_the_golden_log_has_every_kind_of_record() -> None:
    values = [record.value or b"" for record in golden.read_log()]
    assert all(
        any(sign in value for value in values)
        for sign in (b'"lookup"', b'"erase"', b"registration", b"purchase", b"bet", b"win")
    )
