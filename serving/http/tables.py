"""A table of customers in CSV: scored row by row, in memory that does not grow with it."""

from __future__ import annotations

import asyncio
import csv
import io
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from tempfile import TemporaryFile
from typing import IO

from pipeline.declaration.form import Form
from pipeline.declaration.form_reading import FormError
from pipeline.errors import DataError
from serving.forms_csv import CsvLimits, CsvTable, csv_lines, predictions
from serving.http.answers import JSON, Answer, Spooled, encode
from serving.http.call import Call
from serving.http.operation import Access, Content, Operation, Size
from serving.http.problems import Issue, issue_of, issues_of, wrong
from serving.http.requested import Requested
from serving.http.upload import uploaded

FILE = "file"
_CSV = b"text/csv"
_LOOK = 1_000

Written = Callable[[CsvTable], Iterator[bytes]]
"""How the scored rows of a table are written."""


class CustomerTables:
    """The route of tables of customers."""

    def __init__(self, requested: Requested, rows: int, answer_bytes: int) -> None:
        self._requested = requested
        self._limits = CsvLimits(rows=rows)
        self._most = answer_bytes

    @property
    def operations(self) -> Sequence[Operation]:
        """It needs nothing but the request."""
        table = example_table(self._requested.form)
        return (
            Operation(
                method="POST",
                path="/v1/customerbatch",
                name="score_customers",
                summary="Will the customers of a CSV file churn? Accept: text/csv gives it back",
                access=Access.REQUEST_SCORED,
                run=self._score,
                size=Size.TABLE,
                body=(Content(_UPLOAD, {FILE: table}, "multipart/form-data"),),
                answer=Content(_ANSWER, {"predictions": [{"row": 1, "Prediction": "churn"}]}),
            ),
        )

    async def _score(self, call: Call) -> Answer:
        scorer = self._requested.in_service()
        accepts = call.headers.get(b"accept", b"")
        kind, written = (_CSV, as_csv) if _CSV in accepts else (JSON, as_objects)
        async with uploaded(call, FILE) as file:
            stopped = threading.Event()
            lines = iter(partial(file.readline, self._limits.row + 1), b"")
            try:
                body = await asyncio.to_thread(
                    lambda: self._spooled(written(CsvTable(scorer, lines, self._limits)), stopped)
                )
            except DataError as error:
                raise wrong(*_issues(error)) from None
            finally:
                stopped.set()  # a caller who has gone stops the work
        return Answer(body, kind=kind)

    def _spooled(self, parts: Iterator[bytes], stopped: threading.Event) -> Spooled:
        """All parts in a file. Blocks and computes; ends early, with less, once it is `stopped`."""
        file: IO[bytes] = TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
        try:
            for number, part in enumerate(_within(self._most, parts)):
                file.write(part)
                if number % _LOOK == 0 and stopped.is_set():
                    break
        except BaseException:
            file.close()
            raise
        return Spooled(file)


def as_objects(table: CsvTable) -> Iterator[bytes]:
    """The rows as one JSON object."""
    yield b'{"predictions":['
    for number, row in enumerate(predictions(table)):
        yield (b"," if number else b"") + encode(row)
    yield b"]}"


def as_csv(table: CsvTable) -> Iterator[bytes]:
    """The table itself, with the predictions."""
    return (line.encode() for line in csv_lines(table))


def example_table(form: Form) -> str:
    """A table of one customer."""
    text = io.StringIO()
    rows: Iterable[Iterable[object]] = (form.names, form.example.values())
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _within(most: int, parts: Iterator[bytes]) -> Iterator[bytes]:
    """The parts, of `most` bytes together. Raises DataError."""
    size = 0
    for part in parts:
        size += len(part)
        if size > most:
            raise DataError("answer_too_large", f"{most:,} bytes at most; send fewer rows")
        yield part


def _issues(error: DataError) -> list[Issue]:
    return issues_of(error) if isinstance(error, FormError) else [issue_of(error)]


_UPLOAD = {
    "type": "object",
    "required": [FILE],
    "properties": {FILE: {"type": "string", "contentMediaType": "text/csv"}},
}
_ANSWER = {
    "type": "object",
    "required": ["predictions"],
    "properties": {
        "predictions": {
            "type": "array",
            "description": "in the order of the rows, with the further columns of each",
            "items": {
                "type": "object",
                "required": ["row"],
                "properties": {
                    "row": {"type": "integer", "minimum": 1},
                    "Prediction": {"enum": ["churn", "no churn"]},
                    "error": {"type": "string"},
                },
            },
        }
    },
}
