"""A table of customers is scored row by row, whatever is wrong with some of them."""

from __future__ import annotations

import csv
import io
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import use_cases
from pipeline.declaration.form_reading import FormError
from pipeline.errors import DataError
from serving.forms import FormScorer
from serving.forms_csv import CsvLimits, CsvTable, csv_lines, predictions

FORM = use_cases.load_form("telecom_churn")
SCORER = FormScorer.load(Path(__file__).parents[2] / "models", FORM)
GOOD = {name: str(value) for name, value in FORM.example.items()}
HEADER = ",".join(GOOD)
LINE = ",".join(GOOD.values())
CHANCE = float(SCORER.score([SCORER.decode(FORM.example)])[0])
SAID = SCORER.decide(CHANCE)


def table(*lines: str, limits: CsvLimits | None = None) -> CsvTable:
    content = io.BytesIO("\n".join(lines).encode())
    return CsvTable(SCORER, content, limits or CsvLimits())


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_row_is_scored_as_the_request_is() -> None:
    (row,) = table(HEADER, LINE)
    assert (row.number, row.decision, row.probability, row.error) == (1, SAID, CHANCE, "")


def test_columns_may_stand_in_any_order_and_further_ones_are_kept() -> None:
    backwards = dict(reversed({**GOOD, "customerID": "7590-VHVEG"}.items()))
    found = predictions(table(",".join(backwards), ",".join(backwards.values())))
    assert list(found) == [{"row": 1, "customerID": "7590-VHVEG", "Prediction": SAID}]


def test_a_byte_order_mark_and_windows_line_ends_are_taken() -> None:
    (row,) = CsvTable(SCORER, io.BytesIO(f"\ufeff{HEADER}\r\n{LINE}\r\n".encode()))
    assert row.decision == SAID


def test_the_order_is_kept_and_each_bad_row_has_its_own_error() -> None:
    bad = LINE.replace("Month-to-month", "Weekly")
    found = list(predictions(table(HEADER, LINE, bad, LINE + ",1", "", LINE)))
    assert [one["row"] for one in found] == [1, 2, 3, 4]
    assert [one.get("Prediction") for one in found] == [SAID, None, None, SAID]
    assert found[1]["error"] == "Contract must be one of Month-to-month, One year, Two year"
    assert found[2]["error"] == "has 11 cells, not 10"


def test_an_empty_total_is_that_of_a_new_customer() -> None:
    empty, zero = ({**GOOD, "TotalCharges": text} for text in ("", "0"))
    first, second = table(HEADER, ",".join(empty.values()), ",".join(zero.values()))
    assert first.probability == second.probability
    assert not first.error


def test_a_header_that_lacks_columns_or_has_some_twice_is_refused_by_their_names() -> None:
    with pytest.raises(FormError) as caught:
        table(HEADER.replace("tenure", "Partner"))
    assert {str(one) for one in caught.value.problems} == {
        "tenure is missing",
        "Partner stands twice",
    }


def test_an_empty_file_lacks_every_column() -> None:
    with pytest.raises(FormError) as caught:
        table("")
    assert len(caught.value.problems) == 10


def test_what_is_not_utf_8_is_refused() -> None:
    lines = [HEADER.encode() + b"\n", LINE.encode() + b"\n", b"\xff\n"]
    with pytest.raises(DataError, match="not_utf8"):
        list(CsvTable(SCORER, lines))


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (CsvLimits(rows=1), "too_many_rows"),
        (CsvLimits(columns=9), "too_many_columns"),
        (CsvLimits(name=5), "header_too_long"),
        (CsvLimits(header=20), "header_too_long"),
        (CsvLimits(row=20), "header_too_long"),
    ],
)
def test_a_table_over_a_limit_is_refused(limits: CsvLimits, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        list(table(HEADER, LINE, LINE, limits=limits))


def test_a_cell_that_is_too_long_costs_its_row_and_is_not_sent_back() -> None:
    limits = CsvLimits(cell=30)
    long, good = table(f"{HEADER},note", f"{LINE},{'x' * 31}", f"{LINE},short", limits=limits)
    assert (long.error, long.cells[-1]) == ("has a cell of more than 30 characters", "")
    assert good.decision == SAID


def test_a_quote_that_never_closes_costs_no_memory_beyond_a_cell() -> None:
    endless = [f"{HEADER},note\n".encode(), f'{LINE},"'.encode(), *[b"x" * 999 + b"\n"] * 300]
    assert all(row.error for row in CsvTable(SCORER, endless))


@pytest.mark.parametrize(
    "long",
    [
        [b"," * 1_000 + b"\n"],
        [b"," * 500, b"," * 500, b",\n"],
        [b'"\n', *[b"x\n"] * 300],
        [b'"\n', *[b'","\n'] * 200, b'"\n'],
    ],
    ids=["a line", "a line in pieces", "a quote over many lines", "many quotes over many lines"],
)
def test_a_row_that_is_too_long_is_an_error_and_the_next_good_line_is_scored(
    long: list[bytes],
) -> None:
    lines = [f"{HEADER}\n".encode(), *long, *[f"{LINE}\n".encode()] * 10]
    rows = list(CsvTable(SCORER, lines, CsvLimits(row=400)))
    assert rows[0].error == "has more than 400 bytes"
    assert rows[-1].decision == SAID


def test_the_table_comes_back_with_our_columns_behind_its_own() -> None:
    bad = LINE.replace("Month-to-month", "Weekly")
    text = "".join(csv_lines(table(f"id,{HEADER}", f"1,{LINE}", f"2,{bad}")))
    first, second = rows_of(text)
    assert first == {
        "id": "1",
        **GOOD,
        "Prediction": SAID,
        "probability": f"{CHANCE:.6f}",
        "error": "",
    }
    assert (second["id"], second["Prediction"], second["probability"]) == ("2", "", "")
    assert second["error"].startswith("Contract must be")


def test_a_table_that_came_back_can_be_sent_again() -> None:
    once = "".join(csv_lines(table(f"id,{HEADER}", f"1,{LINE}")))
    again = CsvTable(SCORER, io.BytesIO(once.encode()))
    assert "".join(csv_lines(again)) == once


@given(
    st.sampled_from(["=", "+", "-", "@", " =", "\t=", "\uff1d"]), st.text("ab(1)|!'\"", min_size=1)
)
def test_no_cell_that_goes_out_begins_a_formula(sign: str, rest: str) -> None:
    cells = io.StringIO()
    csv.writer(cells).writerow([*GOOD.values(), f"{sign}{rest}"])
    text = "".join(csv_lines(table(f"{HEADER},=note", cells.getvalue())))
    for cell in (cell for row in csv.reader(io.StringIO(text)) for cell in row):
        assert not cell.strip().startswith(("=", "@", "\uff1d")), cell
        assert not cell.startswith(("+", "-", "\t")) or cell.lstrip("+-").isdigit(), cell


def test_a_negative_number_comes_back_as_it_was() -> None:
    (row,) = rows_of("".join(csv_lines(table(f"{HEADER},balance", f"{LINE},-12.5"))))
    assert row["balance"] == "-12.5"


def many(count: int) -> Iterator[bytes]:
    yield f"{HEADER}\n".encode()
    for _ in range(count):
        yield f"{LINE}\n".encode()


def test_memory_does_not_grow_with_the_table() -> None:
    peaks = []
    for count in (3_000, 12_000):
        tracemalloc.start()
        assert sum(1 for _ in csv_lines(CsvTable(SCORER, many(count)))) == count + 1
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


@pytest.mark.slow
def test_a_hundred_thousand_rows_take_less_than_a_minute() -> None:
    start = time.perf_counter()
    assert sum(1 for _ in csv_lines(CsvTable(SCORER, many(100_000)))) == 100_001
    assert time.perf_counter() - start < 60
