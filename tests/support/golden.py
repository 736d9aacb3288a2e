"""The golden log of each case: `python -m tests.support.golden` writes what they come to.

It refuses to while a declaration's `fold_version` is the recorded one: whoever changes what the
fold does raises that number, so that no running pipeline mixes the two.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import use_cases
from pipeline.declaration import UseCase
from pipeline.records import InRecord, OutRecord
from pipeline.state import StateCodec
from tests.support.events import consumed
from tests.support.fakes import FakeStore
from tests.support.stages import Rig

HOME = Path(__file__).parent.parent / "pipeline" / "golden"


@dataclass(frozen=True, slots=True)
class Golden:
    """The committed log of a case, and what it comes to, in one folder."""

    case: UseCase
    folder: Path

    def log(self) -> list[InRecord]:
        """A partition of `incoming-events`; the tables v1 and v2 are the rig's."""
        lines = (self.folder / "log.ndjson").read_text().splitlines()
        return [
            consumed(
                _bytes(line["value"]),
                offset=offset,
                key=_bytes(line["key"]),
                headers=tuple((name, value.encode()) for name, value in line["headers"].items()),
            )
            for offset, line in enumerate(map(json.loads, lines))
        ]

    def outcome(self, size: int = 7, cached: int = 3) -> dict[str, Any]:
        """The states and outputs that the log comes to, as JSON."""
        store, fields = FakeStore(), StateCodec(self.case).fields
        rig = Rig({0: self.log()}, store, size=size, cached=cached, case=self.case)
        asyncio.run(rig.run())
        marker = store.markers[0]
        return {
            "fold_version": self.case.fold_version,
            "marker": {name: marker[name] for name in ("offset", "origins", "lookups")},
            "entities": {
                entity: {name: _shown(value) for name, value in zip(fields, values, strict=False)}
                for (_, _, entity), values in sorted(store.entities.items())
            },
            "outputs": {
                target.topic: [_record(record) for record in records]
                for target, records in sorted(rig.writer.logs.items())
            },
        }

    def expected(self) -> dict[str, Any]:
        """What is recorded; nothing yet where there is no file."""
        path = self.folder / "expected.json"
        recorded: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return recorded

    def record(self) -> bool:
        """Write what the log comes to; False when the fold changed and its version did not."""
        found, recorded = self.outcome(), self.expected()
        if recorded != found and recorded.get("fold_version") == found["fold_version"]:
            return False
        (self.folder / "expected.json").write_text(json.dumps(found, indent=1) + "\n")
        return True


FIRST_DAY = Golden(use_cases.load("first_day_churn"), HOME)
ACTIVITY = Golden(use_cases.load("player_activity"), HOME / "player_activity")
ALL = (FIRST_DAY, ACTIVITY)


def main() -> int:
    """Record all; 1 when the fold of one changed and its version did not."""
    kept = [golden.case.name for golden in ALL if not golden.record()]
    if kept:
        sys.stderr.write(f"The fold of {', '.join(kept)} has changed: raise its fold_version.\n")
    return 1 if kept else 0


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
        "headers": {name: (value or b"").decode() for name, value in record.headers},
    }


if __name__ == "__main__":
    sys.exit(main())
