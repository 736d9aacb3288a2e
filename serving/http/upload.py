"""A file that comes in a form: kept on disk when it is large, read to its end before it is used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import File, create_form_parser

from serving.http.call import Call
from serving.http.problems import Issue, Problem, wrong

_MULTIPART = b"multipart/form-data"
_IN_MEMORY = 1024 * 1024


@asynccontextmanager
async def uploaded(call: Call, name: str) -> AsyncIterator[IO[bytes]]:
    """The file in the form's field `name`, at its beginning; closed at the end. Raises Problem."""
    kind = call.headers.get(b"content-type", b"")
    if not kind.lower().startswith(_MULTIPART):
        raise wrong(Issue("not_multipart", name, "send a form with a file, as curl -F does"))
    files: list[File] = []
    try:
        await _parse(call, kind, files)
        yield _found(files, name)
    finally:
        for file in files:
            file.close()


async def _parse(call: Call, kind: bytes, files: list[File]) -> None:
    headers = {"Content-Type": kind}
    config = {"MAX_MEMORY_FILE_SIZE": _IN_MEMORY}
    try:
        parser = create_form_parser(headers, None, files.append, config)
        async for part in call.parts():
            parser.write(part)
        parser.finalize()
    except FormParserError:
        raise _malformed() from None


def _found(files: list[File], name: str) -> IO[bytes]:
    for file in files:
        if file.field_name == name.encode():
            content: IO[bytes] = file.file_object
            content.seek(0)
            return content
    raise wrong(Issue("missing_file", name, f"a file in the field {name}"))


def _malformed() -> Problem:
    return wrong(Issue("not_multipart", detail="the form cannot be read"))
