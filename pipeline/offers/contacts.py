"""The table of contacts and flags: one CSV file that every worker sees, checked before it is there.

`<PIPELINE_LOOKUPS>/<use case>/contacts/contacts.csv`. It is replaced as a whole, and no older one
is kept: it holds addresses. Where it cannot be read, nobody knows of whom there are flags.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from pipeline.disk import write_whole
from pipeline.errors import DataError, Refusal
from pipeline.logs import log
from pipeline.offers.deciding import Contact, Contacts
from pipeline.validation import checked_entity

T = TypeVar("T")

CUSTOMER = "customerID"
"""What names whom a request is about, where there is no stream with an entity of its own."""

_FLAGS = {"yes": True, "no": False}
_FLAG_COLUMNS = ("consent", "self_excluded", "harm")
_MOST_ADDRESS_BYTES = 254  # RFC 5321, 4.5.3.1.3 without the angle brackets
_VERSION_DIGITS = 16

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Table:
    """All contacts of a use case; `version` is the hash of the file."""

    version: str
    contacts: Contacts = field(repr=False)


def path_of(directory: Path, use_case: str) -> Path:
    """Where the table of a use case is, under the directory of lookups."""
    return directory / use_case / "contacts" / "contacts.csv"


def install(source: Path, directory: Path, use_case: str, entity: str) -> Table:
    """Put the checked table in the CSV file `source` in force; raises Refusal for a bad one."""
    try:
        content = source.read_bytes()
    except OSError as error:
        raise Refusal(f"{source} cannot be read: {error.strerror}", "Name a CSV file") from error
    table = parse(content, entity)
    place = path_of(directory, use_case)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(place, content)
    return table


def parse(content: bytes, entity: str) -> Table:
    """The table in a CSV file's bytes. Raises Refusal naming line and column, and no value."""
    lines = _lines(content)
    header = (entity, "email", "time_zone", *_FLAG_COLUMNS)
    if tuple(next(lines, ())) != header:
        raise Refusal("the table's first line is another one", f"It must be {','.join(header)}")
    contacts: dict[str, Contact] = {}
    for number, line in enumerate(lines, start=2):
        if len(line) != len(header):
            raise _bad(number, "", f"there are {len(line)} columns, not {len(header)}")
        name, contact = _row(number, dict(zip(header, line, strict=True)), entity)
        if name in contacts:
            raise _bad(number, entity, "it stands twice")
        contacts[name] = contact
    return Table(hashlib.sha256(content).hexdigest()[:_VERSION_DIGITS], contacts)


def read(directory: Path, use_case: str, entity: str) -> Table:
    """The table in force. Raises Refusal where there is none that can be read. May block."""
    try:
        content = path_of(directory, use_case).read_bytes()
    except OSError as error:
        raise Refusal(
            f"there are no contacts and flags of {use_case}: {error.strerror}",
            "Load them: `pipeline offers load contacts.csv`",
        ) from error
    return parse(content, entity)


class ContactsFile:
    """The table as it is now; read again whenever the file is another one."""

    def __init__(self, directory: Path, use_case: str, entity: str) -> None:
        self._path = path_of(directory, use_case)
        self._read = partial(read, directory, use_case, entity)
        self._stamp: Stamp | None = None
        self._table: Table | None = None
        self._said = ""

    def table(self) -> Table | None:
        """The table; None where there is none that can be read, which the log then says once.

        May block: a large table takes seconds to read.
        """
        try:
            stamp = self._stamped()
            if stamp is None or stamp != self._stamp:
                self._table, self._stamp = self._read(), stamp
            self._said = ""
        except Refusal as error:
            self._table, self._stamp = None, None
            self._say(str(error))
        return self._table

    def _stamped(self) -> Stamp | None:
        """What another file would have otherwise; None where there is none."""
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return (stat.st_ino, stat.st_mtime_ns, stat.st_size)

    def _say(self, why: str) -> None:
        if why != self._said:
            log.error("no contacts and flags: nobody gets an offer", why=why)
        self._said = why


def _row(number: int, row: dict[str, str], entity: str) -> tuple[str, Contact]:
    def read(column: str, reader: Callable[[str], T], wanted: str) -> T:
        try:
            return reader(row[column])
        except (DataError, KeyError, ValueError, OSError):
            raise _bad(number, column, f"it is not {wanted}") from None

    name = read(entity, lambda text: checked_entity({entity: text}, entity), "an id as in events")
    address = read("email", _address, "an address such as name@example.com")
    zone = read("time_zone", ZoneInfo, "a time zone such as Europe/Malta")
    flags = [read(column, _FLAGS.__getitem__, "yes or no") for column in _FLAG_COLUMNS]
    return name, Contact(address, zone, *flags)


def _address(text: str) -> str:
    """An address that can stand in a message's head and in an SMTP command. Raises ValueError."""
    name, _, host = text.rpartition("@")
    plain = text.isascii() and text.isprintable() and not set(text) & set(' ()<>,;:\\"[]')
    if not (name and host and plain and "@" not in name and len(text) <= _MOST_ADDRESS_BYTES):
        raise ValueError
    return text


def _lines(content: bytes) -> Iterator[list[str]]:
    try:
        yield from csv.reader(content.decode("utf-8-sig").splitlines(), strict=True)
    except (csv.Error, UnicodeDecodeError):
        raise Refusal("the table is no CSV file in UTF-8", "Mend it and load it again") from None


def _bad(number: int, column: str, problem: str) -> Refusal:
    where = f"line {number}, column {column}" if column else f"line {number}"
    return Refusal(f"the table cannot be used: {where}: {problem}", "Mend it and load it again")
