"""Ours and the Flask server by turns, question by question; then large tables through ours."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from operator import truediv
from pathlib import Path

import msgspec

from benchmarks.contender import ROOT, Failed, module
from benchmarks.findings import Findings, Measure
from benchmarks.http.loader import Load, Request
from benchmarks.http.questions import Question, questions
from benchmarks.http.servers import servers
from benchmarks.http.tables import measure_tables
from benchmarks.results import Ratio
from benchmarks.site import Site
from benchmarks.visits import user_id
from embedded.server import Server

FLASK, AGAIN = "Flask", "again"
_P99_SHARE = 0.1

Loads = Mapping[str, Load]
"""One question in one round: ours under "", Flask's, and ours again."""


def measure_http(site: Site) -> Findings:
    """Answers a second and their latencies, beside Flask's. Raises Refusal without Flask."""
    with tempfile.TemporaryDirectory(prefix="bench-http-") as name:
        directory, asked = Path(name), questions()
        with servers(site, directory, user_id(0)) as (ours, flask):
            rounds: dict[str, list[Loads]] = {one.name: [] for one in asked}
            for _ in range(site.size.rounds):
                for one in asked:
                    rounds[one.name].append(_round(site, directory, ours, flask, one))
            tables = measure_tables(ours, directory)
    return Findings(
        tuple(ratio for one in asked for ratio in _ratios(one, rounds[one.name])),
        (*(found for one in asked for found in _measures(one, rounds[one.name])), *tables),
    )


def _round(
    site: Site, directory: Path, ours: Server, flask: Server, question: Question
) -> dict[str, Load]:
    found: dict[str, Load] = {}
    for who, server in {"": ours, FLASK: flask, AGAIN: ours}.items():
        requests = question.flask if server is flask else question.ours
        load = found[who] = _load(site, directory, server, requests)
        site.say(
            f"{question.name} {who:6} {load.rate:>8,.0f} answers/s, "
            f"p50 {load.p50:7.2f} ms, p99 {load.p99:7.2f} ms"
        )
    return found


def _load(site: Site, directory: Path, server: Server, requests: Sequence[Request]) -> Load:
    """What came of asking one server, by a process of its own. Raises Failed."""
    path = directory / "requests.json"
    path.write_bytes(msgspec.json.encode(requests))
    port, seconds = server.address.rpartition(":")[2], site.size.extent.asked_seconds
    argv = module("benchmarks.http.loader", port, str(path), str(seconds))
    ran = subprocess.run(argv, cwd=ROOT, capture_output=True, check=False)
    if ran.returncode:
        raise Failed(f"the loader ended with {ran.returncode}:\n{ran.stderr.decode()}")
    found = msgspec.json.decode(ran.stdout, type=Load)
    if not found.good:
        raise Failed(f"{server.name} answered {requests[0].path} with {found.statuses}")
    return found


def _ratios(question: Question, rounds: Sequence[Loads]) -> Iterator[Ratio]:
    ours, flask, again = (_of(rounds, who, "rate") for who in ("", FLASK, AGAIN))
    name = question.name
    yield Ratio(name, FLASK, "answers", tuple(map(truediv, ours, flask)), question.target)
    yield Ratio(f"{name} {AGAIN}", name, "answers", tuple(map(truediv, again, ours)))


def _measures(question: Question, rounds: Sequence[Loads]) -> Iterator[Measure]:
    for who in ("", FLASK):
        name = f"{question.name} {who}".strip()
        yield Measure(name, "answers/s", _of(rounds, who, "rate"))
        yield Measure(f"{name}, p50", "ms", _of(rounds, who, "p50"))
        yield Measure(f"{name}, p99", "ms", _of(rounds, who, "p99"))
    share = map(truediv, _of(rounds, "", "p99"), _of(rounds, FLASK, "p99"))
    yield Measure(f"{question.name}, p99 over Flask's", "times", tuple(share), _P99_SHARE)


def _of(rounds: Sequence[Loads], who: str, what: str) -> tuple[float, ...]:
    return tuple(getattr(one[who], what) for one in rounds)
