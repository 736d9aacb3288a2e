"""The closing report of a demo run: tables on a terminal, and text that reads well without one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.demo.facts import RunFacts, Told
from cli.selfcheck.result import Check, CheckResult, Figures, Files, Quality, Sharpness

_COMMAND = ".venv/bin/pipeline"
_REASONS = 4


def render(result: CheckResult, run: RunFacts) -> RenderableType:
    """All there is to say of a run, for a console to print."""
    figures, load = result.figures, run.load
    records = f"{load.generated:,} records and all their effects in {load.seconds:.1f} s"
    return Group(
        *_section("Records", _volume(figures, run)),
        *_section(f"Rates: {records}", _rates(run)),
        *(_scores(figures) if figures.is_scored else ()),
        *(_section("Asked over HTTP", _told(run.told)) if run.told else ()),
        *_section("Checks", _checks(result.checks)),
        *(part for check in result.checks if not check.ok for part in _mismatches(check)),
        *_section("Parquet", _files(figures.files)),
        *_section("Try next", _commands(figures, run.example_entity)),
        _verdict(result),
    )


def _section(title: str, content: RenderableType) -> tuple[RenderableType, RenderableType]:
    return Text(f"\n{title}", style="bold"), content


def _scores(figures: Figures) -> tuple[RenderableType, ...]:
    return (
        *_section("Latency at a steady rate", _latency(figures)),
        *_section(
            f"Scores of {_models(figures)} against what became of the users", _quality(figures)
        ),
    )


def _volume(figures: Figures, run: RunFacts) -> Text:
    rejected = f"{sum(figures.rejected.values()):,} rejected"
    lines = (
        f"{run.generated:,} sent, {run.malformed:,} of them malformed",
        f"{figures.events:,} events of {figures.entities:,} users",
        f"{figures.inferences:,} inferences" if figures.is_scored else "no model, no inferences",
        ": ".join(filter(None, (rejected, _reasons(figures.rejected)))),
    )
    return Text("\n".join(lines))


def _reasons(rejected: Mapping[str, int]) -> str:
    named = [f"{reason} {count:,}" for reason, count in islice(rejected.items(), _REASONS)]
    return ", ".join([*named, "..."] if len(rejected) > _REASONS else named)


def _rates(run: RunFacts) -> Table:
    rows = [
        (work.stage, f"{work.records:,}", f"{work.seconds:.1f}", f"{work.rate:,.0f}")
        for work in run.load.stages
    ]
    return _table(("stage", "records", "seconds", "records/s"), rows)


def _latency(figures: Figures) -> Table:
    ways = (("event -> features", figures.to_feature), ("event -> score", figures.to_score))
    rows = [
        (name, f"{one.records:,}", f"{one.p50:,.0f}", f"{one.p99:,.0f}") if one else (name, "0")
        for name, one in ways
    ]
    return _table(("", "scores", "p50 ms", "p99 ms"), rows)


def _quality(figures: Figures) -> Table:
    sets = (("every score", figures.every_score), ("each user's last", figures.last_score))
    rows = [row for name, one in sets for row in _guesses(name, one)]
    return _table(("", "scores", "accuracy", "log loss", "ROC AUC"), rows)


def _guesses(name: str, one: Quality | None) -> Iterator[tuple[str, ...]]:
    if one is None:
        yield name, "0"
        return
    yield name, f"{one.scores:,}", f"{one.accuracy:.3f}", *_sharpness(one.reached)
    if one.best is not None:
        yield "  best possible from its inputs", "", "", *_sharpness(one.best)


def _sharpness(one: Sharpness) -> tuple[str, str]:
    return f"{one.log_loss:.4f}", "-" if one.auc is None else f"{one.auc:.4f}"


def _models(figures: Figures) -> str:
    return ", ".join(figures.models) or "no model"


def _told(told: Sequence[Told]) -> Table:
    rows = [(one.user, one.prediction, f"{one.probability:.3f}", one.version) for one in told]
    return _table(("", "prediction", "probability", "model"), rows)


def _checks(checks: Sequence[Check]) -> Table:
    rows = [
        (
            Text(check.name, style="" if check.ok else "red"),
            f"{check.checked:,} {check.unit}",
            Text(f"{check.mismatches:,}", style="green" if check.ok else "bold red"),
        )
        for check in checks
    ]
    return _table(("", "checked", "mismatches"), rows)


def _mismatches(check: Check) -> tuple[RenderableType, RenderableType]:
    more = check.mismatches - len(check.examples)
    rest = [f"and {more:,} more"] if more else []
    return _section(f"Mismatches: {check.name}", Text("\n".join((*check.examples, *rest))))


def _files(files: Files) -> Text:
    return Text(f"{files.count:,} files, {files.size / 1e6:.1f} MB: {_near(files.directory)}")


def _commands(figures: Figures, entity: str) -> Text:
    told = "inferences" if figures.is_scored else "incoming-events"
    newest = "" if figures.is_scored else " --as-of newest"
    lines = (
        f"{_COMMAND} up --resume",
        "and then, in another terminal:",
        f"{_COMMAND} features {entity}{newest}",
        f"{_COMMAND} tail {told} --limit 3",
    )
    return Text("\n".join(lines))


def _verdict(result: CheckResult) -> Text:
    failed = sum(not check.ok for check in result.checks)
    if not failed:
        return Text(f"\nAll {len(result.checks)} checks hold.", style="bold green")
    return Text(f"\n{failed} of {len(result.checks)} checks FAILED.", style="bold red")


def _table(columns: Sequence[str], rows: Sequence[Sequence[RenderableType]]) -> Table:
    """A table of one column of words and others of figures."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _near(path: Path) -> Path:
    """The path as seen from here, where it lies below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
