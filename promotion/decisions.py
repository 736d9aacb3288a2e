"""Records of what was decided about a use case's models, refusals included.

`<models>/<use case>/decisions/<moment>-<act>-<version>.json`, never changed afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from pipeline.disk import make_directory, write_whole
from promotion.gates import Gate, GateResult

DECISIONS = "decisions"


class Act(StrEnum):
    """What was asked for."""

    PROMOTE = "promote"
    CHALLENGE = "challenge"
    WITHDRAW = "withdraw"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision about `version`, at a moment (RFC 3339), when `champion` was in force.

    `why` is a person's reason, or what a refusal is for; `judged_on` says which data the gates
    looked at, `figures` what they saw.
    """

    at: str
    use_case: str
    act: Act
    version: str
    sha256: str
    champion: str
    champion_sha256: str
    done: bool
    why: str
    gates: tuple[Gate, ...] = ()
    judged_on: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[Gate, ...]:
        """The gates that were not passed."""
        return tuple(gate for gate in self.gates if gate.result is GateResult.FAILED)

    @property
    def line(self) -> str:
        """For a person."""
        done = "" if self.done else "refused: "
        return f"{done}{self.act} {self.version} (champion before: {self.champion}): {self.why}"


def record(models: Path, decision: Decision) -> Path:
    """Keep a decision, for good; returns its file."""
    home = models / decision.use_case / DECISIONS
    make_directory(home)
    moment = decision.at.replace("-", "").replace(":", "")
    path = home / f"{moment}-{decision.act}-{decision.version}.json"
    write_whole(path, msgspec.json.format(msgspec.json.encode(decision), indent=2) + b"\n")
    return path


def decisions(models: Path, use_case: str) -> list[Decision]:
    """All that was decided, the oldest first."""
    paths = sorted((models / use_case / DECISIONS).glob("*.json"))
    return [msgspec.json.decode(path.read_bytes(), type=Decision) for path in paths]
