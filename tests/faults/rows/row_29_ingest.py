"""`pipeline ingest` of a file is killed at each of its steps; then it is run until it has ended."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import orjson

from tests.faults.arena import Arena, Ended
from tests.faults.evidence import Evidence
from tests.faults.findings import Findings, Verdict, fact
from tests.faults.invariants import I1, I4, I5, I6
from tests.faults.row import Row

STEPS = ("before-ingest", "before-ingest-note", "before-ingest-commit", "after-ingest-commit")
KILLED = 137
USERS, EACH = 12, 60


def play(arena: Arena) -> Findings:
    rounds = arena.scale.pick(3, 1)
    lines, file = rows(), arena.directory / "rows.ndjson"
    file.write_bytes(b"\n".join(lines) + b"\n")
    with arena.running() as crew, arena.load(malformed=0.01) as source:
        arena.until(lambda: source.sent > 0, 30, "the source")
        faults = [f"{step}=exit:{1 + (step != STEPS[0])}" for _ in range(rounds) for step in STEPS]
        killed = [ingest(arena, file, one).status for one in faults].count(KILLED)
        ended, again = ingest(arena, file), ingest(arena, file)
        recovered = arena.finish()
        evidence = arena.evidence()
        return Findings(
            wanted=len(faults),
            injected=killed,
            verdicts=(
                *arena.check(I1, I4, I5, I6),
                recovered,
                fact("ended", holds=ended.status == 0, otherwise=ended.output),
                sends_nothing(again),
                each_is_stored_once(evidence, lines),
                each_counts_once(evidence),
                fact("no worker ended", holds=not any(crew.deaths().values()), otherwise="some"),
            ),
        )


def rows() -> list[bytes]:
    """Purchases of users of their own, one after the other; no id tells what came before."""
    return [
        orjson.dumps(
            {
                "user_id": f"filed-{user}",
                "event_type": "purchase",
                "event_time": "2026-01-02T03:04:05Z",
                "amount": 1 + number,
            }
        )
        for user in range(USERS)
        for number in range(EACH)
    ]


def ingest(arena: Arena, file: Path, faults: str = "") -> Ended:
    """Run the command while the workers are looked after."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.cli.ingest_main", arena.name, str(file)],
        cwd=arena.directory,
        env={**arena.environ, "PIPELINE_FAULTS": faults},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        arena.until(partial(has_ended, process), 60, f"ingest {faults}")
        return Ended(process.returncode, process.communicate()[0])


def has_ended(process: subprocess.Popen[str]) -> bool:
    return process.poll() is not None


def sends_nothing(again: Ended) -> Verdict:
    holds = again.status == 0 and "0 records acknowledged" in again.output
    return fact("run again it sends nothing", holds=holds, otherwise=again.output)


def each_is_stored_once(evidence: Evidence, lines: list[bytes]) -> Verdict:
    """Every line of the file is in the source, once."""
    stored = Counter(record.value for record in evidence.source)
    wrong = [f"{line!r} is stored {stored[line]} times" for line in lines if stored[line] != 1]
    return Verdict.of("each row is stored once", len(lines), wrong)


def each_counts_once(evidence: Evidence) -> Verdict:
    """Redis has counted each row of each user."""
    counts = {
        entity: int(fields[b"purchase_count"])
        for (_, entity), fields in evidence.features.entities.items()
        if entity.startswith("filed-")
    }
    wanted = {f"filed-{user}": EACH for user in range(USERS)}
    wrong = [] if counts == wanted else [f"Redis has counted {counts}"]
    return Verdict.of("each row counts once", len(wanted), wrong)


ROW = Row(29, "ingest killed at each step", play)
