"""A request is scored by the model of its form, and by no other."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import use_cases
from pipeline.declaration.form import Choice
from pipeline.declaration.form_reading import FormError
from pipeline.errors import Refusal
from pipeline.manifest import newest_folder
from pipeline.registry import Aliases, write_aliases
from serving.forms import FormHolder, FormScorer, Reason

FORM = use_cases.load_form("telecom_churn")
GOOD = dict(FORM.example)


class Months:
    """A model that looks only at the contract and at the months."""

    name, version, hash = "telecom_churn", "7", "0" * 64

    def score(self, matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        contract, months = (FORM.names.index(name) for name in ("Contract", "tenure"))
        scores: npt.NDArray[np.float64] = 0.8 - matrix[:, contract] * 0.2 - matrix[:, months] / 1000
        return scores

    def decide(self, probability: float) -> str:
        return "churn" if probability >= 0.5 else "no churn"


SCORER = FormScorer(FORM, Months(), {**GOOD, "Contract": "Two year", "tenure": 105})


def test_it_says_which_model_it_is() -> None:
    assert (SCORER.name, SCORER.version, SCORER.hash) == ("telecom_churn", "7", "0" * 64)


def test_requests_are_scored_in_their_order() -> None:
    rows = [SCORER.decode({**GOOD, "tenure": months}) for months in (0, 100)]
    assert SCORER.score(rows).tolist() == pytest.approx([0.8, 0.7])


def test_no_requests_have_no_scores() -> None:
    assert len(SCORER.score([])) == 0


def test_it_decides_as_its_model_does() -> None:
    assert [SCORER.decide(p) for p in (0.49, 0.5)] == ["no churn", "churn"]


def test_what_cannot_be_scored_is_refused_field_by_field() -> None:
    with pytest.raises(FormError) as caught:
        SCORER.decode({**GOOD, "Contract": "Weekly", "tenure": None})
    assert {one.field for one in caught.value.problems} == {"Contract", "tenure"}


def test_the_reasons_are_the_fields_that_moved_the_score_the_strongest_first() -> None:
    first, second = SCORER.reasons(SCORER.decode(GOOD))
    assert first == Reason("Contract", "Month-to-month", first.moved)
    assert second == Reason("tenure", 5.0, second.moved)
    assert (first.moved, second.moved) == pytest.approx((0.4, 0.1))


@pytest.fixture
def models(tmp_path: Path) -> Path:
    shipped = Path(__file__).parents[2] / "models" / FORM.name
    shutil.copytree(shipped, tmp_path / FORM.name)
    return tmp_path


def test_the_newest_version_is_in_force_until_the_aliases_name_another(models: Path) -> None:
    holder = FormHolder(models, FORM)
    assert holder.current.version == newest_folder(models, FORM.name).name
    write_aliases(models, FORM.name, Aliases(champion="1"))
    holder.follow()
    assert holder.current.version == "1"
    assert FormScorer.load(models, FORM).hash == holder.current.hash


def test_a_model_made_for_other_choices_is_refused(models: Path) -> None:
    contract = FORM.fields[6]
    assert isinstance(contract, Choice)
    other = replace(contract, choices=contract.choices[::-1])
    turned = replace(FORM, fields=(*FORM.fields[:6], other, *FORM.fields[7:]))
    with pytest.raises(Refusal, match="reads other features"):
        FormScorer.load(models, turned)


@pytest.fixture
def spoilt(models: Path) -> Path:
    """The manifest of version 1, with a usual request that is none."""
    manifest = models / FORM.name / "1" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"tenure": ', '"tenure": -'))
    return manifest


def champion(models: Path) -> None:
    write_aliases(models, FORM.name, Aliases(champion="1"))


def test_a_usual_request_that_does_not_fit_leaves_the_model_before_in_force(
    models: Path, spoilt: Path
) -> None:
    holder = FormHolder(models, FORM)
    champion(models)
    holder.follow()
    assert holder.current.version != "1"
    spoilt.write_text(spoilt.read_text().replace('"tenure": -', '"tenure": '))
    holder.follow()
    assert holder.current.version == "1"


@pytest.mark.usefixtures("spoilt")
def test_a_usual_request_that_does_not_fit_is_logged_once(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    holder = FormHolder(models, FORM)
    champion(models)
    for _ in range(3):
        holder.follow()
    (line,) = [one for one in capsys.readouterr().out.splitlines() if "cannot be put" in one]
    assert "tenure must be a whole number" in line
