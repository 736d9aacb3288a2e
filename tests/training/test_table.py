from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from training.history import Scored
from training.table import Table
from training.table import table as table_of

USERS = [f"u{n}" for n in range(4_000)]
ROWS = [Scored("a", (1.0, 2.0)), Scored("b", (3.0, 4.0)), Scored("a", (5.0, 6.0))]


def test_rows_keep_their_order_and_get_their_users_label() -> None:
    made = table_of(ROWS, {"a": 1, "b": 0}, 2)
    assert made.inputs.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert made.labels.tolist() == [1, 0, 1]
    assert [made.entities[user] for user in made.users] == ["a", "b", "a"]


def test_a_row_without_a_label_is_left_out() -> None:
    made = table_of(ROWS, {"b": 0}, 2)
    assert made.inputs.tolist() == [[3, 4]]
    assert made.labels.tolist() == [0]


def test_a_label_that_comes_after_its_rows_counts() -> None:
    labels: dict[str, int] = {}

    def rows() -> Iterator[Scored]:
        yield Scored("a", (1.0, 2.0))
        labels["a"] = 1

    assert table_of(rows(), labels, 2).labels.tolist() == [1]


def test_no_rows_make_an_empty_table() -> None:
    assert table_of([], {}, 2).inputs.shape == (0, 2)


def test_a_share_of_users_takes_all_rows_of_each(table: Table) -> None:
    chosen = table.of_share(0.3, "salt")
    inside, outside = set(table.users[chosen].tolist()), set(table.users[~chosen].tolist())
    assert inside
    assert outside
    assert not inside & outside


def test_a_share_is_about_as_large_as_asked_for() -> None:
    many = table_of([Scored(name, (0.0,)) for name in USERS], dict.fromkeys(USERS, 1), 1)
    assert abs(float(np.mean(many.of_share(0.25, "salt"))) - 0.25) < 0.03


def test_a_user_falls_the_same_way_whoever_else_is_there() -> None:
    labels = dict.fromkeys(USERS, 1)
    all_users = table_of([Scored(name, (0.0,)) for name in USERS], labels, 1)
    few = table_of([Scored(name, (0.0,)) for name in USERS[3:30]], labels, 1)
    assert few.of_share(0.5, "s").tolist() == all_users.of_share(0.5, "s")[3:30].tolist()


def test_another_salt_chooses_others() -> None:
    made = table_of([Scored(name, (0.0,)) for name in USERS], dict.fromkeys(USERS, 1), 1)
    assert made.of_share(0.5, "one").tolist() != made.of_share(0.5, "two").tolist()


def test_overwriting_a_column_leaves_the_original_alone() -> None:
    made = table_of(ROWS, {"a": 1, "b": 0}, 2)
    changed = made.with_inputs({0: 9.0}, np.array([True, False, False]))
    assert changed.inputs.tolist() == [[9, 2], [3, 4], [5, 6]]
    assert made.inputs.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_users_are_counted_by_their_rows() -> None:
    made = table_of(ROWS, {"a": 1, "b": 0}, 2)
    assert made.where(np.array([True, False, True])).count_users() == 1


def test_a_user_is_in_one_fold_and_every_fold_has_users(table: Table) -> None:
    folds = table.folds(3, "salt")
    assert set(folds.tolist()) == {0, 1, 2}
    of_users = {(user, fold) for user, fold in zip(table.users, folds, strict=True)}
    assert len(of_users) == table.count_users()


def test_what_stands_beside_a_row_is_asked_for_when_it_comes() -> None:
    seen: list[str] = []

    def rows() -> Iterator[Scored]:
        for row in ROWS:
            seen.append(row.entity)
            yield row

    made = table_of(rows(), {"a": 1, "b": 0}, 2, {"seen": lambda _: float(len(seen))})
    assert made.beside["seen"].tolist() == [1, 2, 3]


def test_what_stands_beside_follows_the_rows_that_are_chosen() -> None:
    made = table_of(ROWS, {"a": 1}, 2, {"letter": lambda entity: float(ord(entity))})
    assert made.beside["letter"].tolist() == [97, 97]
