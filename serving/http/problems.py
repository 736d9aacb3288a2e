"""What is answered instead of what was asked for: a status, and one issue or several.

Issues name fields and say reasons; they never hold a value of the request.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from http import HTTPStatus

import msgspec

from pipeline.declaration.form_reading import FormError
from pipeline.errors import DataError, InfrastructureError, PipelineError, Refusal
from pipeline.logs import log

Headers = Sequence[tuple[bytes, bytes]]

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises: no JSON, not of the form, no UTF-8, or nested too deeply."""

CLOSE: Headers = ((b"connection", b"close"),)
"""For an answer that comes before the request was read to its end."""

SECURE: Headers = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
"""For every answer."""


class Issue(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong. `reason` is a stable code; `line` and `row` count from 1."""

    reason: str
    field: str = ""
    detail: str = ""
    line: int = 0
    row: int = 0

    @property
    def text(self) -> str:
        """The issue in one line."""
        places = [f"{name} {number}" for name, number in self._numbers if number]
        name = "" if self.detail.startswith(self.field) else self.field
        return ": ".join([*places, self.reason, *filter(None, (name, self.detail))])

    @property
    def _numbers(self) -> tuple[tuple[str, int], ...]:
        return (("line", self.line), ("row", self.row))


class Problem(PipelineError):
    """The request cannot be answered as asked."""

    def __init__(self, status: int, *issues: Issue, headers: Headers = ()) -> None:
        super().__init__("; ".join(issue.text for issue in issues))
        self.status = status
        self.issues = issues
        self.headers = headers


def wrong(*issues: Issue) -> Problem:
    """What was sent cannot be used."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, *issues)


def not_found(reason: str, detail: str) -> Problem:
    """What was asked for does not exist."""
    return Problem(HTTPStatus.NOT_FOUND, Issue(reason, detail=detail))


def unavailable(reason: str, detail: str, seconds: float = 1) -> Problem:
    """It cannot be answered now; worth another try in so many seconds."""
    retry = ((b"retry-after", str(max(1, round(seconds))).encode()),)
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, Issue(reason, detail=detail), headers=retry)


def issue_of(error: DataError, fields: frozenset[str] = frozenset(), line: int = 0) -> Issue:
    """The issue of a data error, whose detail begins with the name of the field at fault."""
    name = error.detail.partition(",")[0]
    return Issue(error.reason, name if name in fields else "", error.detail, line)


def issues_of(error: FormError, row: int = 0) -> list[Issue]:
    """The issues of a request that its form refuses, one for each field at fault."""
    return [Issue("invalid_field", one.field, one.reason, row=row) for one in error.problems]


@contextlib.contextmanager
def needing(service: str) -> Iterator[None]:
    """Tell the caller only that `service` is away or not ready, and the log all about it."""
    try:
        yield
    except InfrastructureError as error:
        log.warning("unavailable", needs=service, error=str(error))
        raise unavailable("unavailable", f"{service} does not answer; try again") from error
    except Refusal as error:
        log.error("refused", needs=service, error=str(error))
        raise unavailable("not_ready", f"{service} is not what this service needs", 60) from error
