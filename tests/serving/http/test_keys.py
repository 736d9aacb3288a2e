"""Keys: what each opens, and that nothing but its hash is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from serving.http.keys import KeyRing, new_key, read_keys, write_keys


def test_a_key_is_found_by_its_secret() -> None:
    secret, key = new_key("shop", ["predict"])
    _, other = new_key("bank", ["events"])
    assert KeyRing([other, key]).find(secret.encode()) == key


def test_another_secret_finds_nothing() -> None:
    _, key = new_key("shop", ["predict"])
    secret, _ = new_key("shop", ["predict"])
    assert KeyRing([key]).find(secret.encode()) is None


def test_bytes_that_are_no_text_find_nothing() -> None:
    _, key = new_key("shop", ["predict"])
    assert KeyRing([key]).find(b"\xff\xfe") is None


def test_the_old_and_the_new_key_of_one_caller_are_good_at_once() -> None:
    old_secret, old = new_key("shop", ["predict"])
    new_secret, new = new_key("shop", ["predict"])
    ring = KeyRing([old, new])
    assert (ring.find(old_secret.encode()), ring.find(new_secret.encode())) == (old, new)


def test_a_key_opens_its_scopes_and_no_others() -> None:
    _, key = new_key("shop", ["predict"])
    assert (key.may("predict"), key.may("events"), key.may("admin")) == (True, False, False)


def test_an_admin_s_key_opens_everything() -> None:
    _, key = new_key("us", ["admin"])
    assert key.may("predict")
    assert key.may("events")


def test_the_file_gives_the_keys_back_and_holds_no_secret(tmp_path: Path) -> None:
    secret, key = new_key("shop", ["predict", "events"])
    write_keys(tmp_path / "keys.json", [key])
    assert read_keys(tmp_path / "keys.json") == [key]
    assert secret not in (tmp_path / "keys.json").read_text()


@pytest.mark.parametrize("content", ["", "{}", '[{"name": "a", "scopes": ["all"], "sha256": ""}]'])
def test_a_file_that_is_no_list_of_keys_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(SettingsError, match="pipeline keys add"):
        read_keys(tmp_path / "keys.json")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_keys(tmp_path / "keys.json")
