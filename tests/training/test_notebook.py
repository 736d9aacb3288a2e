"""The notebook runs from an empty stack to a model in service, and is kept without its output."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
RETRAINING = ROOT / "notebooks" / "retraining.ipynb"


def notebook() -> nbformat.NotebookNode:
    kept: nbformat.NotebookNode = nbformat.read(RETRAINING, as_version=4)  # type: ignore[no-untyped-call] # typed in part
    return kept


def test_it_is_kept_without_what_a_run_puts_out() -> None:
    ran = [cell for cell in notebook().cells if cell.cell_type == "code"]
    assert [(cell.outputs, cell.execution_count) for cell in ran] == [([], None)] * len(ran)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("software")
def test_it_gets_a_version_promoted_that_is_more_precise() -> None:
    ran = notebook()
    client = NotebookClient(ran, timeout=1200, resources={"metadata": {"path": str(ROOT)}})
    client.execute()
    (table,) = [
        out.data["text/plain"]
        for cell in ran.cells
        for out in cell.get("outputs", [])
        if out.output_type == "execute_result"
    ]
    print(table)  # noqa: T201 - what the run has shown
    champion, retrained = (float(line.split()[3]) for line in table.splitlines()[1:])
    assert retrained > 1.1 * champion
