"""A file that comes in a form: kept on disk when it is large, read to its end before it is used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import IO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from serving.http.call import Call
from serving.http.problems import Issue, Problem, wrong

MOST_PARTS = 16
_MULTIPART = b"multipart/form-data"
_DISPOSITION = b"content-disposition"
_MOST_KIND = 512  # the parser takes longer than in proportion to it
_IN_MEMORY = 1024 * 1024
_STEP = 64 * 1024


@asynccontextmanager
async def uploaded(call: Call, name: str) -> AsyncIterator[IO[bytes]]:
    """The file in the form's field `name`, at its beginning; closed at the end. Raises Problem."""
    boundary = _boundary_in(call.headers.get(b"content-type", b""), name)
    with SpooledTemporaryFile(_IN_MEMORY) as file:
        form = _Form(boundary, name.encode(), file)
        async for part in call.parts():
            for start in range(0, len(part), _STEP):
                form.write(part[start : start + _STEP])
                await asyncio.sleep(0)  # others have their turn
        form.finish()
        file.seek(0)
        yield file


class _Form:
    """Takes a form piece by piece, and keeps the first file in the field `name`."""

    def __init__(self, boundary: bytes, name: bytes, file: IO[bytes]) -> None:
        """Raises Problem for a boundary that can be none."""
        self._name = name
        self._file = file
        self._delimiter = b"--" + boundary
        self._delimiters = 0
        self._is_found = self._is_wanted = self._is_whole = False
        self._field = self._value = b""
        self._disposition: bytes | None = None
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._add_to_field,
                    "on_header_value": self._add_to_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._begin_content,
                    "on_part_data": self._take,
                    "on_end": self._end,
                },
            )
        except FormParserError:
            raise _malformed() from None

    def write(self, piece: bytes) -> None:
        """Take a piece. Raises Problem.

        The parser takes long for each part, and for what only looks like the beginning of one.
        """
        self._delimiters += piece.count(self._delimiter)
        if self._delimiters > MOST_PARTS + 1:  # one is the end
            raise wrong(Issue("too_many_parts", detail=f"{MOST_PARTS} at most"))
        if self._is_whole:  # what comes behind the form is nobody's
            return
        try:
            self._parser.write(piece)
        except FormParserError:
            raise _malformed() from None

    def finish(self) -> None:
        """All has come. Raises Problem where that is no whole form, or the file is not in it."""
        if not self._is_whole:
            raise _malformed()
        if not self._is_found:
            name = self._name.decode()
            raise wrong(Issue("missing_file", name, f"a file in the field {name}"))

    def _begin(self) -> None:
        self._disposition = None

    def _add_to_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _add_to_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._field.lower() == _DISPOSITION:
            self._disposition = self._value
        self._field = self._value = b""

    def _begin_content(self) -> None:
        _, options = parse_options_header(self._disposition)
        is_file = options.get(b"name") == self._name and b"filename" in options
        self._is_wanted = is_file and not self._is_found
        self._is_found |= is_file

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._is_wanted:
            self._file.write(data[start:end])

    def _end(self) -> None:
        self._is_whole = True


def _boundary_in(kind: bytes, name: str) -> bytes:
    if len(kind) > _MOST_KIND:
        raise _malformed()
    media, options = parse_options_header(kind)
    if media.lower() != _MULTIPART:
        raise wrong(Issue("not_multipart", name, "send a form with a file, as curl -F does"))
    boundary = options.get(b"boundary")
    if not boundary:
        raise _malformed()
    return boundary


def _malformed() -> Problem:
    return wrong(Issue("not_multipart", detail="the form cannot be read"))
