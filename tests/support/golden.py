"""The golden log of the default case: `python -m tests.support.golden` writes what it comes to.

It refuses to while the declaration's `fold_version` is the recorded one: whoever changes what the
fold does raises that number, so that no running pipeline mixes the two.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any

from aiokafka.structs import ConsumerRecord

from pipeline.records import OutRecord
from tests.support.events import consumed
from tests.support.fakes import FakeStore
from tests.support.stages import Rig
from tests.support.stores import FIELDS
from use_cases.first_day_churn import USE_CASE

HOME = Path(__file__).parent.parent / "pipeline" / "golden"
LOG = HOME / "log.ndjson"
EXPECTED = HOME / "expected.json"


def read_log() -> list[ConsumerRecord[bytes, bytes]]:
    """The committed partition of `incoming-events`; the tables v1 and v2 are the rig's."""
    return [
        consumed(
            _bytes(line["value"]),
            offset=offset,
            key=_bytes(line["key"]),
            headers=tuple((name, value.encode()) for name, value in line["headers"].items()),
        )
        for offset, line in enumerate(map(json.loads, LOG.read_text().splitlines()))
    ]


def outcome(size: int = 7, cached: int = 3) -> dict[str, Any]:
    """The states and outputs that the log comes to, as JSON."""
    store = FakeStore()
    rig = Rig({0: read_log()}, store, size=size, cached=cached)
    asyncio.run(rig.run())
    marker = store.markers[0]
    return {
        "fold_version": USE_CASE.fold_version,
        "marker": {name: marker[name] for name in ("offset", "origins", "lookups")},
        "entities": {
            entity: {name: _shown(value) for name, value in zip(FIELDS, values, strict=True)}
            for (_, _, entity), values in sorted(store.entities.items())
        },
        "outputs": {
            target.topic: [_record(record) for record in records]
            for target, records in sorted(rig.writer.logs.items())
        },
    }


def read_expected() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(EXPECTED.read_text())
    return content


def main() -> int:
    """Write what the log comes to; 1 when the fold changed and its version did not."""
    found, recorded = outcome(), read_expected()
    if recorded != found and recorded["fold_version"] == found["fold_version"]:
        sys.stderr.write("The fold has changed: raise fold_version in the declaration first.\n")
        return 1
    EXPECTED.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def _shown(value: bytes) -> str:
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(value).decode()


def _content(text: str) -> Any:
    """JSON as what it says: a number may be written in two ways."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _record(record: OutRecord) -> dict[str, Any]:
    return {
        "key": None if record.key is None else record.key.decode(),
        "value": None if record.value is None else _content(record.value.decode()),
        "headers": {name: value.decode() for name, value in record.headers},
    }


if __name__ == "__main__":
    sys.exit(main())
