"""The recomputation by hand-made examples, and against the fold on any log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import use_cases
from cli.selfcheck.features import as_recomputed
from cli.selfcheck.held import Held
from cli.selfcheck.independent import recompute
from cli.selfcheck.logged import in_force
from cli.selfcheck.refold import refold
from pipeline.declaration import UseCase
from pipeline.parquet.format import schemas
from pipeline.times import HOUR
from pipeline.topics import Topics
from pipeline.windows import FirstDay, Lifetime
from tests.support.events import NOON

CASE = use_cases.load("first_day_churn")
INDEX = "socioeconomic_idx"
TABLES: Mapping[str, Mapping[int | str, float]] = {
    "one": {10_000: 4.0, 10_001: 2.0},
    "two": {10_000: 7.0},
}
DAY = 24 * HOUR

Row = dict[str, Any]


def table_of(_lookup: str, version: str) -> Mapping[int | str, float]:
    return TABLES[version]


def event(kind: str, at: int = 0, user: str = "u", **fields: Any) -> Row:
    """An event `at` so many microseconds after noon."""
    return {"kind": "event", "user_id": user, "event_type": kind, "event_time": NOON + at, **fields}


def purchase(amount: float, at: int = 0, **fields: Any) -> Row:
    return event("purchase", at, amount=amount, **fields)


def bet(amount: float, at: int = 0, **fields: Any) -> Row:
    return event("bet", at, bet_amount=amount, **fields)


def loaded(version: str) -> Row:
    content = f'{{"control":"lookup","lookup":"{INDEX}","version":"{version}"}}'
    return {"kind": "control", "control": content}


def erased(user: str = "u") -> Row:
    return {"kind": "control", "control": f'{{"control":"erase","entity":"{user}"}}'}


def log_of(rows: Sequence[Row], partition: int = 0) -> pa.Table:
    """A partition of `incoming-events` as Parquet has it; origins are s/<partition>/<row>/0."""
    places = [
        {
            "partition": partition,
            "offset": offset,
            "timestamp": 0,
            "replayed": False,
            "origin": f"s/{partition}/{offset}/0",
            **row,
        }
        for offset, row in enumerate(rows)
    ]
    return pa.Table.from_pylist(places, schema=schemas(CASE)[Topics.of(CASE).incoming])


@dataclass(frozen=True)
class Result:
    """Features by name of each user, and the rows that cause a score."""

    users: Mapping[str, Mapping[str, float]]
    scored: Sequence[int]


def recomputed(*rows: Row, case: UseCase = CASE) -> Result:
    found = recompute(case, in_force(log_of(rows)), table_of)
    users = {
        user: dict(zip(case.features, values, strict=True))
        for (_, user), values in zip(found.entities, found.features.tolist(), strict=True)
    }
    return Result(users, [int(origin.split("/")[2]) for origin in found.scored])


def test_the_first_day_by_hand() -> None:
    result = recomputed(
        bet(7.0),  # nothing is open yet
        purchase(50.0, HOUR),
        bet(10.0, 2 * HOUR),
        purchase(70.0, HOUR - 1),  # later in the log, but before the window by its time
        bet(14.0, HOUR + DAY),  # the last moment
        bet(99.0, HOUR + DAY + 1),
        bet(18.0, HOUR),  # the first moment
        event("win", 3 * HOUR, win_amount=200.0),
    )
    assert result.scored == [2, 4, 6, 7]
    assert result.users == {
        "u": {
            INDEX: 0.0,
            "purchase_sum": 50.0,
            "purchase_mean": 50.0,
            "purchase_count": 1.0,
            "purchase_var": 0.0,
            "bet_sum": 42.0,
            "bet_mean": 14.0,
            "bet_count": 3.0,
            "bet_var": 16.0,
            "win_sum": 200.0,
            "win_mean": 200.0,
            "win_count": 1.0,
            "win_var": 0.0,
        }
    }


def test_a_user_who_only_registered_has_features() -> None:
    result = recomputed(loaded("one"), event("registration", postcode=10_001))
    assert result.users["u"][INDEX] == 2.0
    assert sum(result.users["u"].values()) == 2.0


EIGHT = replace(CASE, remembered_ids=8)


def test_an_id_among_the_last_ones_is_a_duplicate() -> None:
    ids = ["first", *"abcdefg", "first", "h", "first"]
    rows = [bet(1.0, event_id=one) for one in ids]
    assert recomputed(purchase(5.0), *rows, case=EIGHT).scored == [*range(1, 9), 10, 11]


def test_a_duplicate_does_not_change_the_order() -> None:
    ids = [*"abcdefgh", "a", "i", "b", "a"]
    rows = [bet(1.0, event_id=one) for one in ids]
    # "a" comes again in vain; "i" pushes it out; "b" is known still, and "a" no longer
    assert recomputed(purchase(5.0), *rows, case=EIGHT).scored == [*range(1, 9), 10, 12]


def test_a_duplicate_opens_no_window() -> None:
    assert recomputed(bet(1.0, event_id="x"), purchase(5.0, event_id="x"), bet(1.0)).scored == []


def test_without_an_id_nothing_is_a_duplicate() -> None:
    assert recomputed(purchase(5.0), bet(1.0), bet(1.0)).scored == [1, 2]


@pytest.mark.parametrize(
    ("rows", "index"),
    [
        ([event("registration", postcode=10_000), loaded("one")], 0.0),
        ([loaded("one"), event("registration", postcode=10_000), loaded("two")], 4.0),
        ([loaded("one"), loaded("two"), event("registration", postcode=10_000)], 7.0),
        ([loaded("one"), event("registration", postcode=77_777)], 0.0),
        ([loaded("one"), event("registration")], 0.0),
        ([loaded("one"), *(event("registration", postcode=10_000 + n) for n in (0, 1))], 2.0),
    ],
)
def test_the_index_is_that_of_the_version_in_force_at_the_last_registration(
    rows: list[Row], index: float
) -> None:
    assert recomputed(*rows).users["u"][INDEX] == index


def test_an_erased_user_is_gone() -> None:
    assert recomputed(purchase(5.0), bet(1.0), erased()).users == {}


def test_an_erased_user_begins_anew() -> None:
    result = recomputed(
        purchase(5.0, event_id="x"), bet(3.0), erased(), bet(3.0), purchase(7.0, event_id="x")
    )
    assert result.users["u"]["purchase_sum"] == 7.0
    assert result.users["u"]["bet_count"] == 0.0
    assert result.scored == [1]


def test_a_lifetime_window_takes_everything_in() -> None:
    case = with_window(Lifetime())
    assert recomputed(bet(1.0, 9 * DAY), bet(3.0), case=case).users["u"]["bet_sum"] == 4.0


def test_a_window_it_does_not_know_is_said() -> None:
    class Hopping(Lifetime):
        meaning = {"kind": "hopping"}  # noqa: RUF012 - a property there

    with pytest.raises(ValueError, match="hopping"):
        recomputed(bet(1.0), case=with_window(Hopping()))


def with_window(window: Lifetime) -> UseCase:
    aggregations = tuple(replace(one, window=window) for one in CASE.aggregations)
    return replace(CASE, aggregations=aggregations)


USERS = st.sampled_from("uv")
TIMES = st.sampled_from([0, 1, HOUR, DAY - 1, DAY, DAY + 1, 3 * DAY])
AMOUNTS = st.one_of(st.integers(0, 300).map(float), st.floats(0.5, 1e6))
IDS = st.sampled_from([None, *"abcdefghijk"])
ROWS = st.lists(
    st.one_of(
        st.builds(
            lambda a, at, u, i: purchase(a, at, user=u, event_id=i), AMOUNTS, TIMES, USERS, IDS
        ),
        st.builds(lambda a, at, u, i: bet(a, at, user=u, event_id=i), AMOUNTS, TIMES, USERS, IDS),
        st.builds(
            lambda code, u, i: event("registration", 0, u, postcode=code, event_id=i),
            st.sampled_from([None, 10_000, 10_001, 77_777]),
            USERS,
            IDS,
        ),
        st.sampled_from([loaded("one"), loaded("two"), erased("u"), erased("v")]),
    ),
    max_size=60,
)


@settings(max_examples=40, deadline=None)
@given(
    parts=st.lists(ROWS, min_size=1, max_size=2),
    window=st.sampled_from([FirstDay("purchase"), Lifetime()]),
    most=st.integers(2, 12),
)
def test_recomputation_and_fold_agree_on_any_log(
    parts: list[list[Row]], window: Lifetime, most: int
) -> None:
    case = replace(with_window(window), remembered_ids=most)
    log = in_force(pa.concat_tables([log_of(rows, number) for number, rows in enumerate(parts)]))
    independent = recompute(case, log, table_of)
    folded = refold(case, log, table_of)
    assert independent.scored == folded.scores.origins
    assert as_recomputed(case, independent, Held({}, folded.hashes)).examples == ()


def test_a_fold_that_closes_a_moment_early_is_found_by_the_recomputation_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = in_force(log_of([purchase(5.0), bet(2.0, DAY)]))
    independent = recompute(CASE, log, table_of)

    def early(_window: FirstDay, opened: int | None, at: int) -> str | None:
        return None if opened is not None and opened <= at < opened + DAY else "late"

    monkeypatch.setattr(FirstDay, "refusal", early)
    folded = refold(CASE, log, table_of)
    check = as_recomputed(CASE, independent, Held({}, folded.hashes))
    assert check.mismatches == 1
    assert "bet_sum is 0.0, recomputed 2.0" in check.examples[0]


@pytest.mark.parametrize(("factor", "ok"), [(1 + 1e-10, True), (1 + 1e-8, False)])
def test_sums_may_differ_by_a_relative_billionth(factor: float, ok: bool) -> None:  # noqa: FBT001 - a parameter of the test
    log = in_force(log_of([purchase(5.0), bet(2.0)]))
    independent = recompute(CASE, log, table_of)
    hashes = {name: dict(one) for name, one in refold(CASE, log, table_of).hashes.items()}
    hashes[(0, "u")][b"bet_sum"] = repr(2.0 * factor).encode()
    assert as_recomputed(CASE, independent, Held({}, hashes)).ok is ok


def test_an_empty_log_has_no_users() -> None:
    found = recompute(CASE, in_force(log_of([])), table_of)
    assert found.entities == []
    assert found.features.shape == (0, len(CASE.features))
    assert found.scored == []
