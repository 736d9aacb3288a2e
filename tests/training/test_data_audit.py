from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.declaration import ModelInputs
from training.data.audit import (
    Leak,
    audit,
    forbidden_inputs,
    implausible_features,
    refuse,
    shared_users,
    untimely_rows,
)
from training.data.dataset import schema
from training.table import Table
from use_cases.first_day_churn import USE_CASE

UNTIL = 1_000
NAMES = ("noise", "label_in_disguise")


def table(users: int, seed: int = 1) -> Table:
    """Two features, of which the second is the label turned round; two rows for each user."""
    dice = np.random.default_rng(seed)
    labels = np.arange(users) % 2
    noise = dice.random((users, 1))
    inputs = np.hstack([noise, -3.0 * labels[:, None]])
    return Table(
        inputs=np.repeat(inputs, 2, axis=0),
        labels=np.repeat(labels, 2),
        users=np.repeat(np.arange(users), 2),
        entities=tuple(f"u{n}" for n in range(users)),
    )


def rows(*changes: Mapping[str, Any]) -> pa.Table:
    """A good row, and one for each of the changes."""
    good = {"as_of": 1, "label": 1, "label_from": 10, "label_until": 20}
    made = [{"id": f"{n}", **good, **one} for n, one in enumerate(({}, *changes))]
    return pa.Table.from_pylist(made).cast(
        pa.schema([schema(USE_CASE).field(name) for name in made[0]])
    )


def problems(*changes: Mapping[str, Any]) -> list[str]:
    return list(untimely_rows(rows(*changes), UNTIL))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("label", "an outcome"),
        ("date_of_birth", "personal"),
        ("user_id", "no feature"),
        ("event_id", "no feature"),
        ("id", "no feature"),
        ("label_from", "no feature"),
    ],
)
def test_an_input_that_gives_something_away_is_found(name: str, why: str) -> None:
    (found,) = forbidden_inputs(USE_CASE, ["bet_sum", name])
    assert found.startswith(f"the input {name} is {why}")


def test_the_declared_inputs_give_nothing_away() -> None:
    assert list(forbidden_inputs(USE_CASE, USE_CASE.inputs)) == []


def test_a_feature_that_alone_knows_the_label_is_found() -> None:
    (found,) = implausible_features(table(40), NAMES, 0.99)
    assert found.startswith("the input label_in_disguise alone has an AUC of 1.0000")


def test_the_limit_says_what_is_implausible() -> None:
    assert len(list(implausible_features(table(40), NAMES, 0.4))) == 2


def test_a_perfect_order_of_a_few_users_may_be_chance() -> None:
    assert list(implausible_features(table(38), NAMES, 0.99)) == []


def test_a_user_in_both_parts_is_found() -> None:
    whole = table(10)
    one, other = whole.where(whole.users < 6), whole.where(whole.users > 4)
    assert list(shared_users(one, other)) == ["1 users have rows in both parts"]


def test_parts_without_a_common_user_are_well() -> None:
    whole = table(10)
    assert list(shared_users(whole.where(whole.users < 5), whole.where(whole.users >= 5))) == []


def test_rows_in_time_are_well() -> None:
    edges = {"as_of": 10, "label_until": UNTIL - 1}
    assert problems({}, edges, {"label_from": None, "label_until": None, "as_of": 999}) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"as_of": UNTIL, "label_from": None}, "are from behind the cut"),
        ({"as_of": 11}, "are from within the time that decides their label"),
        ({"label_until": UNTIL}, "have a label that is not known at the cut"),
        ({"label": None}, "have no label"),
        ({"label": 2}, "have no label"),
        ({"id": "0"}, "stand there more than once"),
    ],
)
def test_an_untimely_row_is_found(change: Mapping[str, Any], problem: str) -> None:
    (found,) = problems(change)
    assert found.startswith(f"1 rows {problem}")


def test_an_audit_looks_at_inputs_features_and_rows() -> None:
    case = replace(USE_CASE, model=ModelInputs(("bet_sum", "win_count")))
    made = pa.Table.from_pylist(
        [
            {
                "id": str(n % 79),
                "user_id": f"u{n}",
                "as_of": 1,
                "bet_sum": float(n % 2),
                "win_count": n,
                "label": n % 2,
            }
            for n in range(80)
        ],
        schema(case),
    )
    source = {
        "entity": "user_id",
        "features": ["bet_sum", "win_count"],
        "until": "2025-07-01T00:00:00Z",
    }
    found = audit(replace(case, entity="win_count"), made, source)
    assert [one.split(" is ")[0].split(" alone")[0] for one in found] == [
        "the input win_count",
        "the input bet_sum",
        "1 rows stand there more than once",
    ]


def test_what_is_found_fails_the_run_and_nothing_does_not() -> None:
    refuse([])
    with pytest.raises(Leak, match="a leak: one; two"):
        refuse(["one", "two"])
