"""Images and actions are pinned to what their sources say, or not at all."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tools.pin import FILES, ROOT, main, pinned

DIGEST = "sha256:" + "a1" * 32
COMMIT = "b2" * 20


def pin(text: str) -> str:
    return pinned(text, lambda _: DIGEST, lambda _: COMMIT)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    image: redis:8\n", f"    image: redis:8@{DIGEST}\n"),
        ("FROM python:3.11-slim AS build\n", f"FROM python:3.11-slim@{DIGEST} AS build\n"),
        ("    image: feature-stream\n", "    image: feature-stream\n"),
        ("- uses: actions/checkout@v5\n", f"- uses: actions/checkout@{COMMIT} # v5\n"),
        (f"    image: a/b:1@sha256:{'c' * 64}\n", f"    image: a/b:1@{DIGEST}\n"),
        (f"uses: a/b@{'c' * 40} # v1.2\n", f"uses: a/b@{COMMIT} # v1.2\n"),
    ],
)
def test_a_tag_is_pinned_and_stays(before: str, after: str) -> None:
    assert pin(before) == after
    assert pin(after) == after


def test_every_image_and_action_of_the_project_is_found() -> None:
    text = pin("".join((ROOT / name).read_text() for name in FILES))
    used = re.findall(r"(?:^ *image: |^FROM |uses: )(\S+)", text, re.MULTILINE)
    assert len(used) > 5
    assert [one for one in used if "@" not in one and one != "feature-stream"] == []


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def answering(folder: Path, monkeypatch: pytest.MonkeyPatch, docker: str, git: str) -> None:
    """Stand in for both programs, which need a network."""
    folder.mkdir()
    for name, answer in (("docker", docker), ("git", git)):
        (folder / name).write_text(f"#!/bin/sh\n{answer}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_all_files_are_pinned_to_what_the_sources_answer(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = f"printf '{'d' * 40}\\trefs/tags/v5\\n{COMMIT}\\trefs/tags/v5^{{}}\\n'"
    answering(copy / "bin", monkeypatch, docker=f"echo {DIGEST}", git=tag)
    assert main(copy) == 0
    assert f"redis:8@{DIGEST}" in (copy / "docker-compose.yml").read_text()
    assert f"checkout@{COMMIT} # v" in (copy / ".github/workflows/ci.yml").read_text()


@pytest.mark.parametrize(
    ("docker", "git"),
    [
        (f"echo {DIGEST}", "echo no network >&2; exit 128"),
        (f"echo {DIGEST}", "true"),
        ("echo latest", f"echo {COMMIT}"),
    ],
)
def test_where_a_source_does_not_answer_nothing_is_pinned(
    copy: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    docker: str,
    git: str,
) -> None:
    answering(copy / "bin", monkeypatch, docker, git)
    assert main(copy) == 1
    assert "nothing was pinned: " in capsys.readouterr().err
    assert all((copy / name).read_text() == (ROOT / name).read_text() for name in FILES)
