"""Event times: text in, microseconds since 1970-01-01 UTC inside, RFC 3339 with six digits out."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = 3_600_000_000
MINUTE = 60_000_000
_CANONICAL = len("2026-01-02T03:04:05.000006Z")

_DATE, _TIME = r"\d{4}-\d\d-\d\d", r"(?:[01]\d|2[0-3]):\d\d:\d\d"
_RFC3339 = re.compile(rf"({_DATE}T{_TIME})(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)
_PLAIN_UTC = re.compile(rf"{_DATE} {_TIME}(?:\.\d{{1,6}})?", re.ASCII)


def micros_of(moment: datetime) -> int:
    """Microseconds since the epoch of an aware datetime, exactly."""
    passed = moment - EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def parse_time(text: str) -> int:
    """Microseconds of an RFC 3339 time, or of `YYYY-MM-DD HH:MM:SS[.ffffff]` taken as UTC.

    Digits after the sixth are cut. Raises ValueError for anything else.
    """
    if _RFC3339.fullmatch(text):
        return micros_of(datetime.fromisoformat(text.upper()))
    if _PLAIN_UTC.fullmatch(text):
        return micros_of(datetime.fromisoformat(text).replace(tzinfo=UTC))
    raise ValueError("neither RFC 3339 nor YYYY-MM-DD HH:MM:SS")


def canonical_time(text: str) -> tuple[int, str]:
    """What `parse_time` gives, and the same moment as `format_time` writes it.

    Most sources send UTC, and then the text itself is nearly there.
    """
    found = _RFC3339.fullmatch(text)
    if found is None or found[3] not in ("Z", "z"):
        at = parse_time(text)
        return at, format_time(at)
    fraction = (found[2] or ".")[1:7]
    canonical = f"{found[1].upper()}.{fraction:0<6}Z"
    return parse_canonical(canonical), canonical


def parse_canonical(text: str) -> int:
    """Microseconds of a time that `format_time` wrote. Raises ValueError for any other."""
    if len(text) != _CANONICAL or (text[7], text[10], text[19], text[26]) != ("-", "T", ".", "Z"):
        raise ValueError("not as format_time writes it")
    return micros_of(datetime.fromisoformat(text))


def format_time(micros: int) -> str:
    """RFC 3339 in UTC with six digits, as `2026-01-02T03:04:05.000006Z`."""
    moment = EPOCH + timedelta(microseconds=micros)
    return moment.isoformat(timespec="microseconds")[:26] + "Z"
