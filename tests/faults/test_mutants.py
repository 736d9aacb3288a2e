"""The mutants fit the code as it is; the suite's last row shows that each is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.mutants.build import Edit, OutOfDateError, make_build
from tests.faults.mutants.known import MUTANTS, ByTest, Mutant
from tests.faults.rows import all_rows

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_mutant_fits_the_code(mutant: Mutant, tmp_path: Path) -> None:
    make_build(tmp_path / "build", mutant.edits)
    for edit in mutant.edits:
        if edit.file.endswith(".py"):
            compile((tmp_path / "build" / edit.file).read_text(), edit.file, "exec")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_who_is_to_notice_it_is_there(mutant: Mutant) -> None:
    if isinstance(mutant.caught, ByTest):
        path, _, name = mutant.caught.node.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text()
    else:
        assert mutant.caught.number in all_rows()


def test_a_mutant_that_no_longer_fits_is_out_of_date(tmp_path: Path) -> None:
    edit = Edit("pipeline/stateful.py", "no such text", "")
    with pytest.raises(OutOfDateError, match="no such text"):
        make_build(tmp_path / "build", (edit,))
