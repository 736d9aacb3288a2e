"""Keys on the command line: shown once, kept as a hash, listed and removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.http.keys import KeyRing, read_keys
from tests.cli.helpers import Run


def test_a_key_is_shown_once_and_only_its_hash_is_kept(run: Run, elsewhere: Path) -> None:
    secret = run("keys", "add", "shop", "--file", "keys.json").output.strip()
    (key,) = read_keys(elsewhere / "keys.json")
    assert KeyRing([key]).find(secret.encode()) == key
    assert (key.name, key.scopes) == ("shop", ("predict",))
    assert secret not in (elsewhere / "keys.json").read_text()


def test_a_key_may_open_several_scopes(run: Run, elsewhere: Path) -> None:
    run("keys", "add", "app", "--scope", "predict", "--scope", "events", "--file", "keys.json")
    assert read_keys(elsewhere / "keys.json")[0].scopes == ("predict", "events")


def test_a_scope_that_there_is_not_is_wrong_usage(run: Run) -> None:
    assert run("keys", "add", "shop", "--scope", "all", "--file", "keys.json").status == 2


def test_the_old_key_goes_by_its_hash_and_the_new_one_stays(run: Run, elsewhere: Path) -> None:
    for _ in range(2):
        run("keys", "add", "shop", "--file", "keys.json")
    old, new = read_keys(elsewhere / "keys.json")
    listed = run("keys", "list", "--file", "keys.json").output.splitlines()
    assert [line.split()[0] for line in listed] == [old.sha256[:12], new.sha256[:12]]
    assert run("keys", "remove", listed[0].split()[0], "--file", "keys.json").status == 0
    assert read_keys(elsewhere / "keys.json") == [new]


def test_a_hash_that_is_not_one_key_s_removes_nothing(run: Run, elsewhere: Path) -> None:
    for _ in range(2):
        run("keys", "add", "shop", "--file", "keys.json")
    ended = run("keys", "remove", "", "--file", "keys.json")
    assert (ended.status, len(read_keys(elsewhere / "keys.json"))) == (1, 2)


def test_the_file_may_be_named_in_the_environment(
    run: Run, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_HTTP_KEYS", str(elsewhere / "mine.json"))
    run("keys", "add", "shop")
    assert len(read_keys(elsewhere / "mine.json")) == 1


def test_without_a_file_it_asks_for_one(run: Run) -> None:
    ended = run("keys", "list")
    assert ended.status == 3
    assert "--file FILE" in ended.errors
