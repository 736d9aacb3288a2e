"""The contenders: each worker as it is shipped, and the same work written the usual way."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.checks import check_rows, check_same_features, stored_features
from benchmarks.contender import Contender, module
from benchmarks.filling import Facts, load_lookups
from benchmarks.lab import Lab
from benchmarks.limit import counted
from benchmarks.naive import FEATURES_KEY, ROWS, SCORES_KEY
from benchmarks.results import LIMIT
from cli.state.scrape import fetch, numbers_in
from embedded.ports import free_port
from pipeline.keys import FEATURES, SCORES

_CONSUMED = 1_500_000
"""Records that the bare consumer gets at least: less would be over in a moment."""

Ours = Callable[[Lab], Contender]
Naive = Callable[[Lab, Facts], Contender]


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage, and its usual counterpart where there is one."""

    name: str
    ours: Ours
    naive: Naive | None = None


def event_handler(lab: Lab) -> Contender:
    """All of `generated-events` to `incoming-events`, behind the lookup's control records."""
    topics, controls = lab.topics, len(lab.case.lookups) * lab.partitions

    def clear() -> None:
        lab.forget_group("event_handler")
        lab.empty(topics.incoming, topics.rejected)
        load_lookups(lab)

    return Contender(
        name="event_handler",
        argv=module("event_handler"),
        environ=lab.environ,
        records=lab.size.events,
        effects=lab.size.events,
        clear=clear,
        done=lambda: lab.written(topics.incoming, topics.rejected) - controls,
    )


def bare_consume(lab: Lab) -> Contender:
    """All of `incoming-events` as often as makes enough records, with nothing done to them."""
    once, count = lab.written(lab.topics.incoming), lab.directory / "consumed"
    records = once * -(-_CONSUMED // once)
    return Contender(
        name=LIMIT,
        argv=module("benchmarks.limit", lab.topics.incoming, str(records), str(count)),
        environ=lab.environ,
        records=records,
        effects=records,
        clear=lambda: count.unlink(missing_ok=True),
        done=lambda: counted(count),
    )


def stream_features(lab: Lab) -> Contender:
    """All of `incoming-events` to Redis and `serving-features`."""
    return _with_marker(lab, "stream_features", lab.topics.incoming, lab.topics.features, FEATURES)


def serving(lab: Lab) -> Contender:
    """All of `serving-features` to `inferences` and Redis."""
    return _with_marker(lab, "serving", lab.topics.features, lab.topics.inferences, SCORES)


def _with_marker(lab: Lab, name: str, source: str, target: str, kind: str) -> Contender:
    """A stage whose effects of a record are all in when its marker has passed the record."""
    records = lab.written(source)

    def clear() -> None:
        lab.forget_state(kind)
        lab.empty(target)

    return Contender(
        name=name,
        argv=module(name),
        environ=lab.environ,
        records=records,
        effects=records,
        clear=clear,
        done=lambda: lab.marked(kind),
    )


def inference_logger(lab: Lab) -> Contender:
    """All of three topics to Parquet: told to end when it has read all, it writes what it holds."""
    port, records = free_port(), lab.written(*lab.topics.logged)

    def read() -> int:
        page = fetch(port) or ""
        return records - numbers_in(page, lab.case).lag if "pipeline_lag_records{" in page else 0

    return Contender(
        name="inference_logger",
        argv=module("inference_logger"),
        environ={**lab.environ, "PIPELINE_METRICS_PORT": str(port)},
        records=records,
        effects=records,
        clear=lambda: shutil.rmtree(lab.data, ignore_errors=True),
        done=read,
        check=lambda: check_rows(lab.data, records),
        flushes_at_its_end=True,
        every_seconds=0.25,  # answering costs the worker more than it costs Kafka or Redis
    )


def naive_features(lab: Lab, facts: Facts) -> Contender:
    """The events of a few users, at the same mix; done as far as their requests are written."""
    options = ("--datadir", str(lab.directory / "faust"))
    command = ("worker", "--without-web", "--loglevel=warn")

    def clear() -> None:
        lab.forget_keys(FEATURES_KEY)
        lab.empty(lab.naive.features)

    return Contender(
        name="naive features",
        argv=module("benchmarks.naive.features", str(lab.lookup_file), *options, *command),
        environ=_as_newcomer(lab),
        records=facts.naive_events,
        effects=facts.naive_requests,
        clear=clear,
        done=lambda: lab.written(lab.naive.features),
        check=lambda: check_same_features(stored_features(lab, FEATURES_KEY), facts.features),
    )


def naive_serving(lab: Lab, facts: Facts) -> Contender:
    """Some of the requests that the naive features asked for."""
    records = min(lab.size.scored_by_naive, facts.naive_requests)

    def clear() -> None:
        lab.forget_keys(SCORES_KEY)
        lab.empty(lab.naive.inferences)

    return Contender(
        name="naive serving",
        argv=module("benchmarks.naive.serving", str(lab.model)),
        environ=_as_newcomer(lab),
        records=records,
        effects=records,
        clear=clear,
        done=lambda: lab.written(lab.naive.inferences),
    )


def naive_logger(lab: Lab, _facts: Facts) -> Contender:
    """The same topics as the logger's; ends by itself when it has written all."""
    records, into = lab.written(*lab.topics.logged), lab.directory / "naive-data"

    def clear() -> None:
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir()

    return Contender(
        name="naive logger",
        argv=module("benchmarks.naive.logger", str(into), str(records), *lab.topics.logged),
        environ=_as_newcomer(lab),
        records=records,
        effects=records,
        clear=clear,
        done=lambda: min(_full_files(into) * ROWS, records - 1),  # the end is its exit
        check=lambda: check_rows(into, records),
        flushes_at_its_end=True,
    )


STAGES = (
    Stage("event_handler", event_handler),
    Stage(LIMIT, bare_consume),
    Stage("stream_features", stream_features, naive_features),
    Stage("serving", serving, naive_serving),
    Stage("inference_logger", inference_logger, naive_logger),
)


def _as_newcomer(lab: Lab) -> dict[str, str]:
    """A consumer group of its own, so that it reads from the first record."""
    return {**lab.environ, "PIPELINE_INSTANCE": uuid.uuid4().hex[:8]}


def _full_files(directory: Path) -> int:
    """Files, but for the last of each topic, which are not full and come at the end."""
    return sum(1 for _ in directory.glob("*.parquet"))
