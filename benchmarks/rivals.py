"""`stream_features` beside the same work on other frameworks, in rounds of their own."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import truediv

from benchmarks.checks import Features, check_same_features, stored_features
from benchmarks.contender import ROOT, Contender, Failed
from benchmarks.course import Figures
from benchmarks.filling import Facts, fill_naive, generate
from benchmarks.findings import Findings, Measure
from benchmarks.lab import Lab
from benchmarks.peers import FEATURES_KEY, Place
from benchmarks.results import NAIVE, Rate, Ratio
from benchmarks.rounds import run
from benchmarks.site import Site
from benchmarks.stages import event_handler, naive_features, stream_features
from pipeline.errors import Refusal

PYTHON = ROOT / ".venv-peers" / "bin" / "python"
OURS, AGAIN = "stream_features", "stream_features again"
PEERS = {
    "Bytewax": "bytewax_features",
    "confluent-kafka alone": "confluent_features",
    "Quix Streams": "quix_features",
}
_TARGETS = {"Bytewax": 1.5}

Course = Mapping[str, Figures]
"""One round: what each contender's run amounts to."""


def measure_peers(site: Site) -> Findings:
    """Each peer's rate, ours over it, and it over the naive one. Raises Refusal without them."""
    if not PYTHON.exists():
        raise Refusal("the peers are not installed", "Run `make bench-peers`")
    with site.lab() as made:
        generate(made)
        for ours in (event_handler, stream_features):
            run(site, made, ours(made))
        contenders = _contenders(made, fill_naive(made), made.written(made.topics.features))
        rounds = [
            {name: run(site, made, make()) for name, make in contenders.items()}
            for _ in range(site.size.rounds)
        ]
    return Findings(
        (
            *(_ratio(rounds, OURS, name, _TARGETS.get(name)) for name in (*PEERS, NAIVE)),
            *(_ratio(rounds, OURS, name, by="cpu_rate") for name in (*PEERS, NAIVE)),
            *(_ratio(rounds, name, NAIVE) for name in PEERS),
            _ratio(rounds, AGAIN, OURS),
        ),
        tuple(
            Measure(name, "records/s", _of(rounds, name, "rate")) for name in (OURS, *PEERS, NAIVE)
        ),
    )


def _contenders(made: Lab, facts: Facts, requests: int) -> dict[str, Callable[[], Contender]]:
    return {
        OURS: lambda: stream_features(made),
        **{name: partial(_peer, made, name, facts.features, requests) for name in PEERS},
        NAIVE: lambda: naive_features(made, facts),
        AGAIN: lambda: stream_features(made),
    }


def _peer(made: Lab, name: str, wanted: Features, requests: int) -> Contender:
    """All events; done as far as its requests are written, to the topic of the naive features."""
    target, directory = made.naive.features, made.directory / "peer"

    def clear() -> None:
        made.forget_keys(FEATURES_KEY)
        made.empty(target)
        shutil.rmtree(directory, ignore_errors=True)

    def check() -> None:
        found = stored_features(made, FEATURES_KEY)
        check_same_features(found, wanted)
        if len(found) != len(wanted):
            raise Failed(f"{name} has features of {len(found)} users, not {len(wanted)}")

    told = Place(
        kafka=made.settings.kafka.bootstrap,
        table=str(made.lookup_file),
        source=made.topics.incoming,
        target=target,
        directory=str(directory),
        group=f"peer-{uuid.uuid4().hex[:8]}",
    )
    return Contender(
        name=name,
        argv=(str(PYTHON), "-m", f"benchmarks.peers.{PEERS[name]}", *told),
        environ=made.environ,
        records=made.size.events,
        effects=requests,
        clear=clear,
        done=lambda: made.written(target),
        check=check,
    )


def _ratio(
    rounds: Sequence[Course],
    over: str,
    under: str,
    target: float | None = None,
    by: Rate = "rate",
) -> Ratio:
    found = tuple(map(truediv, _of(rounds, over, by), _of(rounds, under, by)))
    return Ratio(over, under, by, found, target)


def _of(rounds: Sequence[Course], name: str, by: Rate) -> tuple[float, ...]:
    return tuple(getattr(one[name], by) for one in rounds)
