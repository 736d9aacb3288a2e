from __future__ import annotations

from pathlib import Path

import pytest

from cli.stack.last_words import last_kind, last_words

FENCED = '{"event": "stopped", "kind": "Fenced"}'


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("", ""),
        ("one\ntwo\n\n", "two"),
        ('{"event": "stopped", "error": "no topic. Make it"}', "stopped: no topic. Make it"),
        ('{"event": "ended"}', "ended"),
        ('{"event": "x", "exception": "Traceback ...\\nKeyError: 1"}', "x: KeyError: 1"),
        ("[1]", "[1]"),
        ('Traceback (most recent call last):\n  ...\nKeyError: "x"\n', 'KeyError: "x"'),
    ],
)
def test_the_last_line_that_says_anything_is_said(tmp_path: Path, log: str, words: str) -> None:
    path = tmp_path / "log"
    path.write_text(log)
    assert last_words(path) == words


def test_a_log_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert last_words(tmp_path / "none") == last_kind(tmp_path / "none") == ""


@pytest.mark.parametrize(
    ("log", "kind"),
    [
        ("no JSON", ""),
        ('[1]\n{"event": "ended"}', ""),
        ('{"event": "stopped", "kind": "Fenced"}\nleft open', "Fenced"),
        (
            '{"event": "stopped", "kind": "Fenced"}\n{"event": "stopped", "kind": "Refusal"}',
            "Refusal",
        ),
    ],
)
def test_the_last_error_that_stopped_it_has_a_kind(tmp_path: Path, log: str, kind: str) -> None:
    path = tmp_path / "log"
    path.write_text(log)
    assert last_kind(path) == kind


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\xff" * 1_000_000 + b"\nthe end\n")
    assert last_words(path) == "the end"
