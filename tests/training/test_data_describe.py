from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import pytest

from training.data.describe import by_importance, describe
from training.data.report import page

ROWS = 400
INPUTS = ("noise", "answer", "still", "count")


def made(seed: int = 1) -> pa.Table:
    """Inputs of which the first says nothing, the second all, the third never varies."""
    dice = np.random.default_rng(seed)
    labels = np.arange(ROWS) % 4 > 0
    return pa.table(
        {
            "user_id": [f"<u{n % 20}>" for n in range(ROWS)],
            "noise": dice.random(ROWS),
            "answer": labels * 3.0 - 1,
            "still": np.ones(ROWS),
            "count": pa.array(dice.integers(0, 5, ROWS) + 10 * (np.arange(ROWS) == 0)),
            "label": labels.astype(np.int64),
        }
    )


SOURCE = {
    "use_case": "<case>",
    "source": "a log",
    "entity": "user_id",
    "features": list(INPUTS),
    "sha256": "ab" * 32,
    "left_out": {"of erased users": 3},
}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return describe(made(), SOURCE)


@pytest.fixture(scope="module")
def text(described: dict[str, Any]) -> str:
    return page(described)


def test_rows_users_and_the_share_that_churned_are_counted(described: dict[str, Any]) -> None:
    assert (described["rows"], described["users"], described["churned"]) == (ROWS, 20, 0.75)


def test_an_input_that_is_the_answer_tells_all_there_is_to_know(described: dict[str, Any]) -> None:
    entropy = -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25))
    told = described["inputs"]["answer"]
    assert told["information"] == pytest.approx(entropy, abs=1e-6)
    assert told["auc"] == 1


def test_a_few_that_have_any_of_it_are_told_from_the_many_that_have_none() -> None:
    rows = made()
    churned = np.asarray(rows["label"])
    rare = np.where(np.arange(ROWS) < 12, churned, 0) * np.arange(ROWS)
    told = describe(rows.set_column(1, "noise", pa.array(rare.astype(float))), SOURCE)
    assert told["inputs"]["noise"]["information"] > 0.005


def test_an_input_that_never_varies_tells_nothing(described: dict[str, Any]) -> None:
    assert described["inputs"]["still"]["information"] == 0
    assert described["inputs"]["still"]["auc"] == 0.5


def test_what_says_most_comes_first(described: dict[str, Any]) -> None:
    names = [name for name, _ in by_importance(described)]
    assert (names[0], names[-1]) == ("answer", "still")


def test_each_label_s_histogram_adds_up_to_one(described: dict[str, Any]) -> None:
    for told in described["inputs"].values():
        for label in ("stayed", "churned"):
            assert sum(told["histogram"][label]) == pytest.approx(1, abs=1e-4)


def test_a_histogram_tells_who_stayed_from_who_churned(described: dict[str, Any]) -> None:
    histogram = described["inputs"]["answer"]["histogram"]
    assert (histogram["stayed"][0], histogram["churned"][-1]) == (1, 1)


def test_what_lies_far_out_does_not_stretch_the_histogram(described: dict[str, Any]) -> None:
    told = described["inputs"]["count"]
    assert told["quantiles"][-1] >= 10
    assert told["histogram"]["edges"][-1] == 4


def test_the_label_is_among_the_correlations(described: dict[str, Any]) -> None:
    told = described["correlation"]
    answer, label = told["of"].index("answer"), told["of"].index("label")
    assert told["coefficients"][answer][label] == 1
    assert told["coefficients"][told["of"].index("still")][label] is None


def test_missing_values_are_counted(described: dict[str, Any]) -> None:
    assert described["inputs"]["noise"]["missing"] == 0
    holed = made().set_column(1, "noise", pa.array([None, *np.zeros(ROWS - 1)]))
    with pytest.raises(ValueError, match="NaN"):
        describe(holed, SOURCE)


def test_rows_of_one_label_cannot_be_described() -> None:
    one = made().filter(pa.array(np.arange(ROWS) % 4 > 0))
    with pytest.raises(ValueError, match="same label"):
        describe(one, SOURCE)


def test_the_page_needs_no_other_file(text: str) -> None:
    assert text.count("<svg") == 3
    links = re.findall(r'(?:src|href)="([^"#]+)"', text)
    assert [link for link in links if not link.startswith("data:")] == []


def test_what_the_log_says_is_text_in_the_page(text: str) -> None:
    assert "What &lt;case&gt; learns from" in text
    assert "<case>" not in text


def test_the_pictures_are_whole(text: str) -> None:
    pictures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert all(len(list(ET.fromstring(picture).iter())) > 20 for picture in pictures)


def test_the_same_figures_give_the_same_page(described: dict[str, Any], text: str) -> None:
    assert page(described) == text
