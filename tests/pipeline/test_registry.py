from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import Refusal
from pipeline.manifest import versions_of
from pipeline.registry import (
    ALIASES,
    Aliases,
    Challenger,
    aliases_of,
    changing,
    named_aliases,
    write_aliases,
)

CASE = "a_case"
SINCE = "2026-01-02T03:04:05.000000Z"
CHALLENGER = Challenger(version="3", since=SINCE, share=0.1)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for version in ("1", "2", "10"):
        (tmp_path / CASE / version).mkdir(parents=True)
    return tmp_path


def test_versions_are_in_the_order_of_their_numbers(models: Path) -> None:
    (models / CASE / "decisions").mkdir()
    assert versions_of(models, CASE) == ["1", "2", "10"]


def test_without_a_file_the_newest_version_is_champion(models: Path) -> None:
    assert aliases_of(models, CASE) == Aliases(champion="10")
    assert named_aliases(models, CASE) is None


def test_without_any_version_there_is_no_champion(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="there is no model"):
        aliases_of(tmp_path, CASE)


def test_what_is_written_is_read(models: Path) -> None:
    written = Aliases(champion="2", before=("1",), challenger=CHALLENGER)
    write_aliases(models, CASE, written)
    assert aliases_of(models, CASE) == named_aliases(models, CASE) == written


def test_writing_leaves_nothing_else_behind(models: Path) -> None:
    write_aliases(models, CASE, Aliases(champion="2"))
    assert {path.name for path in (models / CASE).iterdir()} == {"1", "2", "10", ALIASES}


def test_a_promotion_remembers_the_champion_before_and_ends_the_trial() -> None:
    promoted = Aliases(champion="1", challenger=CHALLENGER).promoted("3")
    assert promoted == Aliases(champion="3", before=("1",))


def test_a_rollback_goes_back_one_champion_at_a_time() -> None:
    twice = Aliases(champion="1").promoted("2").promoted("3")
    assert twice.rolled_back() == Aliases(champion="2", before=("1",))
    assert twice.rolled_back().rolled_back() == Aliases(champion="1")


def test_without_a_champion_before_there_is_no_rollback() -> None:
    with pytest.raises(Refusal, match="no version was champion before 1"):
        Aliases(champion="1").rolled_back()


def test_a_challenger_comes_and_goes_beside_the_champion() -> None:
    challenged = Aliases(champion="1", before=("2",)).challenged(CHALLENGER)
    assert (challenged.champion, challenged.challenger) == ("1", CHALLENGER)
    assert challenged.withdrawn() == Aliases(champion="1", before=("2",))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b'{"champion": "../1"}',
        b'{"champion": 1}',
        b'{"champion": "1", "before": [""]}',
        b'{"champion": "1", "challenger": {"version": "2", "since": "now"}}',
        b'{"champion": "1", "challenger": {"version": "2", "since": "%s", "share": 1}}'
        % SINCE.encode(),
        b'{"champion": "1", "challenger": {"version": "1", "since": "%s"}}' % SINCE.encode(),
    ],
)
def test_a_malformed_file_is_refused_and_named(models: Path, content: bytes) -> None:
    (models / CASE / ALIASES).write_bytes(content)
    with pytest.raises(Refusal, match=r"aliases\.json cannot be used"):
        aliases_of(models, CASE)


def test_of_two_that_change_the_aliases_the_second_is_refused(models: Path) -> None:
    with (
        changing(models, CASE),
        pytest.raises(Refusal, match="another command"),
        changing(models, CASE),
    ):
        pytest.fail("both were let in")
    with changing(models, CASE):
        assert versions_of(models, CASE)
