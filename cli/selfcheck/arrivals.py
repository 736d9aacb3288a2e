"""Whether every record is where it belongs, once: in Parquet, and on one of two topics. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cli.demo.facts import RunFacts
from cli.selfcheck.broker import Topic
from cli.selfcheck.logged import integers, once, origins
from cli.selfcheck.result import Check
from cli.selfcheck.spans import Span, each_once
from pipeline.topics import STAGES

_NOWHERE = Span(0, 0)
_HANDLER = STAGES[0]


def all_logged(topics: Sequence[tuple[Topic, pa.Table]]) -> Check:
    """Parquet holds every offset of each topic that is logged, from the first to the end, once."""
    wrong = [
        problem
        for topic, table in topics
        for problem in _by_partition(topic, integers(table["partition"]), integers(table["offset"]))
    ]
    records = sum(topic.records for topic, _ in topics)
    return Check.of("every record is in Parquet once", records, "records", wrong)


def all_came_out(
    sources: Sequence[Topic], incoming: pa.Table, rejected: pa.Table, run: RunFacts
) -> Check:
    """Each source record came out on exactly one of the two topics, and none was lost before."""
    both = (once(incoming), _by_handler(once(rejected)))
    wrong = [problem for source in sources for problem in _came_out(source, both)]
    arrived = sum(source.records for source in sources)
    if arrived != run.generated:
        wrong.append(f"{run.generated} were sent, {arrived} arrived")
    return Check.of("every record sent came out once", arrived, "records", wrong)


def malformed_rejected(rejected: pa.Table, run: RunFacts) -> Check:
    """As many were rejected at the door as were malformed on purpose."""
    found = len(_by_handler(once(rejected)))
    wrong = [] if found == run.malformed else [f"{run.malformed} were sent, {found} were rejected"]
    return Check.of("what was malformed was rejected", run.malformed, "records", wrong)


def _came_out(source: Topic, tables: Sequence[pa.Table]) -> list[str]:
    partitions, offsets = [], []
    for table in tables:
        causes = origins(table)
        of_source = np.asarray(pc.equal(causes.log, source.log))
        partitions.append(causes.partition[of_source])
        offsets.append(causes.offset[of_source])
    return _by_partition(source, np.concatenate(partitions), np.concatenate(offsets))


def _by_partition(
    topic: Topic, partitions: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64]
) -> list[str]:
    numbers = sorted({*topic.spans, *np.unique(partitions).tolist()})
    return [
        problem
        for number in numbers
        for problem in each_once(
            f"{topic.name}/{number}",
            offsets[partitions == number],
            topic.spans.get(number, _NOWHERE),
        )
    ]


def _by_handler(rejected: pa.Table) -> pa.Table:
    return rejected.filter(pc.equal(rejected["stage"], _HANDLER))
