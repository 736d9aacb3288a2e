"""Names what got worse: `python -m benchmarks.compare NEW [STORED]`.

A ratio has got worse when its median fell by more than the control strayed in either run: the
control is the same code measured twice, so that much is the machine's doing. A measure in units of
its own has got worse when it met its target and no longer does.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.findings import Measure
from benchmarks.report import Report
from benchmarks.results import Ratio, noise

RESULTS = Path(__file__).parent / "results"

Key = tuple[str, str, str]


def main() -> int:
    """Print what got worse; 1 if anything did, 2 for a file that holds no results."""
    options = _options()
    try:
        new = Report.read(options.new)
        stored = Report.read(options.stored or RESULTS / f"{new.size.name}.json")
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"no results to compare: {error!r}", file=sys.stderr)
        return 2
    found = list(worse(new, stored))
    print("\n".join(found) or "Nothing got worse by more than the noise.")
    return 1 if found else 0


def worse(new: Report, stored: Report) -> Iterator[str]:
    """A line for each that got worse, of those that both runs have."""
    ratios = {_key(one): one for one in new.ratios}
    for before in stored.ratios:
        now = ratios.get(_key(before))
        if now is not None:
            yield from _lower(now, before, strayed(now, new, stored))
    measures = {(one.name, one.unit): one for one in new.measures}
    for one in stored.measures:
        found = measures.get((one.name, one.unit))
        if found is not None:
            yield from _no_longer_met(found, one)


def strayed(ratio: Ratio, *runs: Report) -> float:
    """How far, as a factor of at least 1, the controls of its stages were from 1 at worst."""
    controls = [one for run in runs for one in noise(run.rounds)]
    concerned = [one for one in controls if one.under in (ratio.over, ratio.under)] or controls
    each = [abs(math.log(value)) for one in concerned for value in one.rounds]
    return math.exp(max(each, default=0.0))


def _lower(now: Ratio, before: Ratio, noise_factor: float) -> Iterator[str]:
    if now.median < before.median / noise_factor:
        yield (
            f"{now.over} / {now.under} ({now.by}): {now.median:.2f}, was {before.median:.2f}; "
            f"the noise explains down to {before.median / noise_factor:.2f}"
        )


def _no_longer_met(now: Measure, before: Measure) -> Iterator[str]:
    if before.met and not now.met:
        yield (
            f"{now.name}: {now.median:.2f} {now.unit}, was {before.median:.2f}; "
            f"the target of under {now.at_most:g} was met"
        )


def _key(ratio: Ratio) -> Key:
    return (ratio.over, ratio.under, ratio.by)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("new", type=Path, help="the result file of a new run")
    parser.add_argument(
        "stored", type=Path, nargs="?", help="instead of the stored one of its size"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
