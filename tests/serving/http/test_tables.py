"""Tables of customers: in their order, each row by itself, whole or refused."""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest

import use_cases
from pipeline.settings import HttpSettings
from tests.serving.http.rig import NO_MODELS, Service, models, reasons

CUSTOMER = dict(use_cases.load_form("telecom_churn").example)
AS_CSV = {"accept": "text/csv"}


def table(rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


async def posted(
    content: bytes, service: Service | None = None, field: str = "file", **options: Any
) -> httpx.Response:
    async with (service or Service()).caller() as caller:
        files = {field: ("customers.csv", content, "text/csv")}
        return await caller.post("/v1/customerbatch", files=files, **options)


def predictions(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["predictions"]
    return found


async def test_each_row_is_answered_in_its_order_with_its_further_columns() -> None:
    leaving = {**CUSTOMER, "tenure": 1, "InternetService": "Fiber optic"}
    staying = {**CUSTOMER, "tenure": 70, "Contract": "Two year", "InternetService": "No"}
    rows = [{"customerID": f"c{n}", **row} for n, row in enumerate((staying, leaving))]
    assert predictions(await posted(table(rows))) == [
        {"row": 1, "customerID": "c0", "Prediction": "no churn"},
        {"row": 2, "customerID": "c1", "Prediction": "churn"},
    ]


async def test_a_row_that_is_wrong_has_its_error_and_stops_no_other() -> None:
    rows = [CUSTOMER, {**CUSTOMER, "Contract": "Weekly"}, CUSTOMER]
    first, wrong, last = predictions(await posted(table(rows)))
    assert first["Prediction"] == last["Prediction"]
    assert "Contract must be one of" in wrong["error"]
    assert "Prediction" not in wrong


async def test_a_row_is_scored_as_the_customer_alone_is() -> None:
    async with Service().caller() as caller:
        alone = (await caller.post("/v1/customer?detail=true", json=CUSTOMER)).json()
    answer = await posted(table([CUSTOMER]), headers=AS_CSV)
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert row["Prediction"] == alone["Prediction"]
    assert float(row["probability"]) == pytest.approx(alone["probability"], abs=1e-6)


async def test_the_file_comes_back_with_its_predictions() -> None:
    answer = await posted(table([{"customerID": "=1+1", **CUSTOMER}]), headers=AS_CSV)
    assert answer.headers["content-type"] == "text/csv"
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert row["customerID"] == "'=1+1"
    assert list(row)[-3:] == ["Prediction", "probability", "error"]


async def test_a_large_table_is_answered_whole() -> None:
    rows = [{"customerID": str(n), **CUSTOMER} for n in range(14_000)]  # beyond what is in memory
    content = table(rows)
    assert len(content) > 1024 * 1024
    answer = predictions(await posted(content))
    assert [one["customerID"] for one in answer] == [row["customerID"] for row in rows]


async def test_a_compressed_form_is_read() -> None:
    request = httpx.Request(
        "POST", "http://x/", files={"file": ("customers.csv", table([CUSTOMER]))}
    )
    headers = {"content-type": request.headers["content-type"], "content-encoding": "gzip"}
    async with Service().caller() as caller:
        answer = await caller.post(
            "/v1/customerbatch", content=gzip.compress(request.read()), headers=headers
        )
    assert len(predictions(answer)) == 1


@pytest.mark.parametrize(
    ("content", "issue"),
    [
        (b"tenure\n1\n", ("Contract", "invalid_field")),
        (b"", ("Contract", "invalid_field")),
        (table([CUSTOMER]) + b"\xff\xfe,\n", ("", "not_utf8")),
        (b",".join([b"x"] * 201) + b"\n", ("", "too_many_columns")),
        (table([{**CUSTOMER, "x" * 257: 1}]), ("", "header_too_long")),
        (table([{**CUSTOMER, **{f"{n:0100}": 1 for n in range(90)}}]), ("", "header_too_long")),
        (b"," * 1_000_000, ("", "header_too_long")),
    ],
    ids=[
        *("columns missing", "empty", "not UTF-8 at its end", "too many columns"),
        *("a long name", "long names together", "a header without end"),
    ],
)
async def test_what_is_no_such_table_is_refused(content: bytes, issue: tuple[str, str]) -> None:
    answer = await posted(content)
    assert answer.status_code == 422
    assert issue in reasons(answer)


async def test_more_rows_than_allowed_are_refused() -> None:
    service = Service(settings=HttpSettings(csv_rows=2))
    answer = await posted(table([CUSTOMER] * 3), service)
    assert (answer.status_code, reasons(answer)) == (422, [("", "too_many_rows")])


async def test_a_larger_file_than_allowed_is_refused() -> None:
    service = Service(settings=HttpSettings(csv_bytes=1024))
    answer = await posted(table([CUSTOMER] * 100), service)
    assert (answer.status_code, reasons(answer)) == (413, [("", "too_large")])


async def test_an_answer_that_becomes_much_larger_than_the_table_is_refused() -> None:
    service = Service(settings=HttpSettings(csv_bytes=100_000))
    wide = {**CUSTOMER, **{f"{n:080}": "" for n in range(80)}}
    answer = await posted(table([wide] * 300), service)
    assert (answer.status_code, reasons(answer)) == (422, [("", "answer_too_large")])


async def test_a_row_that_is_too_wide_has_its_error_and_stops_no_other() -> None:
    content = table([CUSTOMER]) + b"," * 200_000 + b"\n" + table([CUSTOMER]).splitlines()[1] + b"\n"
    first, wide, last = predictions(await posted(content))
    assert first["Prediction"] == last["Prediction"]
    assert wide == {"row": 2, "error": "has more than 65,536 bytes"}


def form(*parts: bytes, boundary: bytes = b"b", end: bytes = b"--\r\n") -> bytes:
    lines = b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts)
    return lines + b"--" + boundary + end


FILE = b'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + table([CUSTOMER])
OTHER = b'Content-Disposition: form-data; name="other"\r\n\r\nx'


async def sent(body: bytes, kind: str = "multipart/form-data; boundary=b") -> httpx.Response:
    async with Service().caller() as caller:
        headers = {"content-type": kind}
        return await caller.post("/v1/customerbatch", content=body, headers=headers)


@pytest.mark.parametrize(
    "body",
    [
        form(OTHER, FILE, OTHER),
        form(*[OTHER] * 15, FILE),
        form(FILE, FILE.replace(b"Yes", b"No")),
        form(FILE) + b"more" * 100_000,
        form(b"X-Other: y\r\n" + FILE),
    ],
    ids=["among others", "the last of 16", "the first of two", "and more", "another header"],
)
async def test_the_file_is_found_wherever_it_stands_in_the_form(body: bytes) -> None:
    assert len(predictions(await sent(body))) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (form(*[OTHER] * 16, FILE), "too_many_parts"),
        (form(*[OTHER] * 100_000), "too_many_parts"),
        (form(FILE + b"\r\n--b-" * 100_000), "too_many_parts"),
        (form(FILE, end=b""), "not_multipart"),
        (form(b"X: " + b"y" * 10_000 + b"\r\n" + FILE), "not_multipart"),
        (form(b"X: y\r\n" * 100 + FILE), "not_multipart"),
        (form(b"no header at all"), "not_multipart"),
        (form(FILE.replace(b'; filename="f"', b"")), "missing_file"),
        (form(FILE.split(b"\r\n", 1)[1]), "missing_file"),
        (b"--b--", "missing_file"),
        (b"", "not_multipart"),
        (b"preamble" + form(FILE), "not_multipart"),
    ],
)
async def test_a_form_with_too_much_or_too_little_is_refused(body: bytes, reason: str) -> None:
    answer = await sent(body)
    assert (answer.status_code, [one for _, one in reasons(answer)]) == (422, [reason])


@pytest.mark.parametrize("boundary", ["b" * 300, '"' + ";" * 60_000, '"";boundary=' + ";" * 5_000])
async def test_a_boundary_that_can_be_none_is_refused(boundary: str) -> None:
    answer = await sent(form(FILE), f"multipart/form-data; boundary={boundary}")
    assert [reason for _, reason in reasons(answer)] == ["not_multipart"]


async def test_others_have_their_turn_while_a_large_form_is_read() -> None:
    turns, whole = 0, form(FILE, b"Content-Disposition: form-data; name=x\r\n\r\n" + bytes(10**7))

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    assert (await sent(whole)).status_code == 200
    counting.cancel()
    assert turns > len(whole) / (64 * 1024)


async def test_a_file_in_another_field_is_missed() -> None:
    answer = await posted(table([CUSTOMER]), field="customers")
    assert (answer.status_code, reasons(answer)) == (422, [("file", "missing_file")])


@pytest.mark.parametrize(
    "kind",
    ["", "text/csv", "multipart/form-data", "multipart/form-data; boundary=", "application/json"],
)
async def test_what_is_no_form_is_refused(kind: str) -> None:
    async with Service().caller() as caller:
        answer = await caller.post(
            "/v1/customerbatch", content=table([CUSTOMER]), headers={"content-type": kind}
        )
    assert answer.status_code == 422
    assert [reason for _, reason in reasons(answer)] == ["not_multipart"]


async def test_a_form_that_breaks_off_is_refused() -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\ntenure\n1'
    headers = {"content-type": "multipart/form-data; boundary=b"}
    async with Service().caller() as caller:
        answer = await caller.post("/v1/customerbatch", content=body, headers=headers)
    assert answer.status_code == 422


async def test_without_a_model_the_answer_says_so() -> None:
    answer = await posted(table([CUSTOMER]), Service(models=NO_MODELS))
    assert (answer.status_code, reasons(answer)) == (503, [("", "no_model")])


def test_the_shipped_model_is_in_service() -> None:
    assert "telecom_churn" in models().forms
