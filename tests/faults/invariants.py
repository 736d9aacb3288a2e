"""The invariants by their numbers; the seventh, that it recovers, is the arena's `settle`."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults.checks.arrivals import (
    each_record_came_out_once,
    what_was_acknowledged_is_stored,
)
from tests.faults.checks.outputs import (
    one_inference_per_serving_record,
    serving_records_are_the_oracles,
)
from tests.faults.checks.parquet import parquet_holds_each_record_once
from tests.faults.checks.state import redis_equals_the_oracle
from tests.faults.evidence import Evidence
from tests.faults.findings import Verdict

Invariant = Callable[[Evidence], Verdict]

I1: Invariant = redis_equals_the_oracle
I2: Invariant = serving_records_are_the_oracles
I3: Invariant = one_inference_per_serving_record
I4: Invariant = parquet_holds_each_record_once
I5: Invariant = each_record_came_out_once
I6: Invariant = what_was_acknowledged_is_stored
