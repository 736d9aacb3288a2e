"""A version answers as the file did, however its rows came; what is not proved is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from pipeline.declaration.form import Choice, Form
from pipeline.errors import Refusal
from training.conversion import OnnxScorer, Unfit
from training.forms.table import FormTable
from training.importing.importer import Imported, prove
from training.table import Floats
from use_cases.first_day_churn import USE_CASE

Bring = Callable[[str, Any], Imported]
Scores = tuple[Floats, Any]


def frame(form: Form, table: FormTable) -> pd.DataFrame:
    """The customers as their requests were."""
    columns: dict[str, Any] = {}
    for field, values in zip(form.fields, table.inputs.T, strict=True):
        if isinstance(field, Choice):
            columns[field.name] = [field.choices[int(one)] for one in values]
        else:
            columns[field.name] = values
    return pd.DataFrame(columns)


def agrees(made: Imported, inputs: Floats, wanted: Floats) -> bool:
    return bool(np.allclose(OnnxScorer(made.content).score(inputs), wanted[:, 1], atol=1e-5))


def test_a_forest_on_a_matrix_in_declared_order(bring: Bring, scores: Scores) -> None:
    inputs, labels = scores
    theirs = RandomForestClassifier(10, random_state=1).fit(inputs, labels)
    made = bring("first_day_churn", theirs)
    assert agrees(made, inputs, theirs.predict_proba(inputs))
    assert made.manifest.algorithm == "random_forest"
    assert made.manifest.training["rows_proved"] == 800
    assert made.manifest.training["largest_difference"] <= 1e-5


def test_features_are_found_by_their_names(bring: Bring, scores: Scores) -> None:
    inputs, labels = scores
    named = pd.DataFrame(inputs, columns=list(USE_CASE.inputs))
    some = named[["bet_sum", "socioeconomic_idx"]]
    theirs = GradientBoostingClassifier(n_estimators=10, random_state=1).fit(some, labels)
    made = bring("first_day_churn", theirs)
    assert agrees(made, inputs, theirs.predict_proba(some))
    assert "win_sum" in made.manifest.training["ignored"]
    assert "bet_sum" not in made.manifest.training["ignored"]


def theirs_of(scores: Scores) -> Any:
    return GradientBoostingClassifier(n_estimators=2, random_state=1).fit(*scores)


def on_texts(form: Form, people: pd.DataFrame, labels: Any, classifier: Any) -> Any:
    """A pipeline that encodes choices by itself."""
    choices = [one.name for one in form.fields if isinstance(one, Choice)]
    numbers = [name for name in form.names if name not in choices]
    encoder = ColumnTransformer(
        [
            ("choices", OneHotEncoder(handle_unknown="ignore"), choices),
            ("numbers", StandardScaler(), numbers),
        ]
    )
    return make_pipeline(encoder, classifier).fit(people, np.where(labels, "Yes", "No"))


def test_texts_are_encoded_inside_the_graph(
    bring: Bring, telecom: Form, customers: FormTable
) -> None:
    people = frame(telecom, customers)
    trees = GradientBoostingClassifier(n_estimators=10, random_state=1)
    theirs = on_texts(telecom, people, customers.labels, trees)
    made = bring("telecom_churn", theirs)
    assert agrees(made, customers.inputs, theirs.predict_proba(people))


def test_a_model_whose_last_bits_depend_on_the_batch_is_refused(
    bring: Bring, telecom: Form, customers: FormTable
) -> None:
    linear = LogisticRegression(max_iter=1_000)
    theirs = on_texts(telecom, frame(telecom, customers), customers.labels, linear)
    with pytest.raises(Refusal, match="a row's answer depends on its batch"):
        bring("telecom_churn", theirs)


def test_the_columns_of_get_dummies(bring: Bring, telecom: Form, customers: FormTable) -> None:
    people = pd.get_dummies(frame(telecom, customers), drop_first=True)
    theirs = RandomForestClassifier(10, random_state=1).fit(people, customers.labels)
    made = bring("telecom_churn", theirs)
    assert agrees(made, customers.inputs, theirs.predict_proba(people))


def test_a_vectorizer_and_a_classifier(bring: Bring, telecom: Form, customers: FormTable) -> None:
    vectorizer = DictVectorizer(sparse=False)
    rows = vectorizer.fit_transform(frame(telecom, customers).to_dict("records"))
    theirs = GradientBoostingClassifier(n_estimators=10, random_state=1).fit(rows, customers.labels)
    made = bring("telecom_churn", (vectorizer, theirs))
    assert agrees(made, customers.inputs, theirs.predict_proba(rows))


def test_an_empty_field_means_what_the_form_says(
    bring: Bring, telecom: Form, customers: FormTable
) -> None:
    theirs = GradientBoostingClassifier(n_estimators=10, random_state=1)
    scorer = OnnxScorer(
        bring("telecom_churn", theirs.fit(customers.inputs, customers.labels)).content
    )
    empty, zero = customers.inputs[:1].copy(), customers.inputs[:1].copy()
    place = telecom.names.index("TotalCharges")
    empty[0, place], zero[0, place] = np.nan, 0
    assert scorer.score(empty)[0] == scorer.score(zero)[0]


def test_the_same_file_gives_the_same_bytes(bring: Bring, scores: Scores) -> None:
    theirs = theirs_of(scores)
    assert bring("first_day_churn", theirs) == bring("first_day_churn", theirs)


def test_another_name_is_refused(bring: Bring, scores: Scores) -> None:
    inputs, labels = scores
    theirs = LogisticRegression().fit(pd.DataFrame(inputs[:, :2], columns=["age", "city"]), labels)
    with pytest.raises(Refusal, match="first_day_churn does not declare: age, city"):
        bring("first_day_churn", theirs)


def test_another_number_of_columns_is_refused(bring: Bring, scores: Scores) -> None:
    inputs, labels = scores
    theirs = GradientBoostingClassifier(n_estimators=2).fit(inputs[:, :12], labels)
    with pytest.raises(Refusal, match="12 columns without names, and first_day_churn has 13"):
        bring("first_day_churn", theirs)


def test_classes_that_do_not_say_who_churned_are_refused(bring: Bring, scores: Scores) -> None:
    inputs, labels = scores
    theirs = GradientBoostingClassifier(n_estimators=2).fit(inputs, np.where(labels, "a", "b"))
    with pytest.raises(Refusal, match="which of them churned is not known"):
        bring("first_day_churn", theirs)


def test_what_onnx_does_not_hold_is_refused(bring: Bring, scores: Scores) -> None:
    roots = FunctionTransformer(np.cbrt)
    theirs = make_pipeline(roots, StandardScaler(), LogisticRegression()).fit(*scores)
    with pytest.raises(Refusal, match="cannot be proved to answer equally in ONNX"):
        bring("first_day_churn", theirs)


@pytest.fixture
def proving(bring: Bring, scores: Scores) -> tuple[bytes, Floats, Floats]:
    content = bring("first_day_churn", theirs_of(scores)).content
    inputs = scores[0]
    return content, inputs, OnnxScorer(content).score(inputs)


def test_equal_answers_are_proved(proving: tuple[bytes, Floats, Floats]) -> None:
    assert prove(*proving, threshold=0.5) == 0


def test_one_other_answer_is_not_proved(proving: tuple[bytes, Floats, Floats]) -> None:
    content, inputs, wanted = proving
    wanted[17] += 0.001
    with pytest.raises(Unfit, match=r"differs by 1.0e-03"):
        prove(content, inputs, wanted, 0.5)


def test_a_decision_that_flips_is_not_proved(proving: tuple[bytes, Floats, Floats]) -> None:
    content, inputs, wanted = proving
    threshold = float(wanted[17]) + 1e-9
    wanted[17] += 2e-9
    with pytest.raises(Unfit, match="decisions flip"):
        prove(content, inputs, wanted, threshold)


def test_three_classes_are_refused(bring: Bring, scores: Scores) -> None:
    inputs, _ = scores
    theirs = LogisticRegression().fit(inputs, np.arange(len(inputs)) % 3)
    with pytest.raises(Refusal, match="knows 3 classes, not two"):
        bring("first_day_churn", theirs)
