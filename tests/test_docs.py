"""What the documents name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.app import app
from pipeline.setting_names import setting_names

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks" / "README.md"]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_make_target_exists(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"(?:`|^)make ([a-z-]+)", document.read_text(), re.MULTILINE)
    assert [one for one in targets if not re.search(rf"^{one}:", makefile, re.MULTILINE)] == []


def commands() -> set[str]:
    texts = [document.read_text() for document in DOCUMENTS]
    named = re.findall(r"(?:^|`|bin/)pipeline ([a-z]+)", "\n".join(texts), re.MULTILINE)
    return set(named)


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_named_has_a_help_with_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    assert set(re.findall(r"PIPELINE_[A-Z_]+[A-Z]", text)) == setting_names()
