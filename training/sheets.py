"""A manifest's figures as tables, for the card in Markdown and for the report in HTML. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from pipeline.manifest import Manifest

ANSWERS = {"": "model", "optimum_": "best of features", "raw_optimum_": "best of raw log"}
"""Whose figures stand beside each other, by the prefix of their names."""

_FIGURES = {"log_loss": "log loss", "auc": "AUC"}
_ERRORS = ("churned", "accuracy", "false_positive_rate", "false_negative_rate")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of texts: the first column names the rows, the others hold numbers."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """As a table in Markdown."""
        rule = ["---", *["--:"] * (len(self.head) - 1)]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in (self.head, rule, *self.rows))

    def html(self) -> str:
        """As a table in HTML."""
        head = "".join(f"<th>{escape(cell)}</th>" for cell in self.head)
        rows = "\n".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
            for cells in self.rows
        )
        return f"<table>\n<tr>{head}</tr>\n{rows}\n</table>"


def candidates(manifest: Manifest) -> Sheet:
    """What cross-validation said of the best of each kind, the best first."""
    rows = [
        (
            words(name),
            ", ".join(f"{words(one)} {value:g}" for one, value in told["parameters"].items()),
            *(number(told[figure]) for figure in ("log_loss", "auc", "accuracy")),
        )
        for name, told in manifest.metrics["candidates"].items()
    ]
    return Sheet(("kind", "parameters", "log loss", "AUC", "accuracy"), rows)


def stages(manifest: Manifest) -> Sheet:
    """Log loss and AUC by how many events had counted, and over all."""
    metrics = manifest.metrics
    told = metrics["by_counted_events"]
    rows = [(_span(one["from"], one["to"]), f"{one['rows']:,}", *_figures(one)) for one in told]
    overall = {f"{prefix}{figure}": of[figure] for prefix, of in _overall(metrics) for figure in of}
    all_rows = f"{manifest.training['rows_held_out']:,}"
    return Sheet(
        ("counted events", "rows", *_heads(overall)), [*rows, ("all", all_rows, *_figures(overall))]
    )


def how_early(manifest: Manifest) -> Sheet:
    """Log loss and AUC at each user's n-th score."""
    told = manifest.metrics["how_early"]
    rows = [(str(one["scores"]), f"{one['users']:,}", *_figures(one)) for one in told]
    return Sheet(("scores", "users", *_heads(told[0])), rows)


def errors(groups: Mapping[str, Any]) -> Sheet:
    """Error rates by group; the last row is the gap between the highest and the lowest."""
    rows = [
        (
            str(one["group"]),
            f"{one['users']:,}",
            f"{one['rows']:,}",
            *(number(one[name]) for name in _ERRORS),
        )
        for one in groups["groups"]
    ]
    gaps = (
        "gap",
        "",
        "",
        *(number(groups["gaps"][name]) if name in groups["gaps"] else "" for name in _ERRORS),
    )
    return Sheet(("group", "users", "rows", *map(words, _ERRORS)), [*rows, gaps])


def confusion(manifest: Manifest) -> Sheet:
    """How many scores there are of each label and each answer."""
    counted = manifest.metrics["confusion"]
    rows = [
        (label, *(f"{counted[f'{label}_said_{said}']:,}" for said in ("stay", "churn")))
        for label in ("stayed", "churned")
    ]
    return Sheet(("", "said stay", "said churn"), rows)


def words(name: str) -> str:
    """A name without underscores."""
    return name.replace("_", " ")


def number(value: float | None) -> str:
    """With four digits; a dash for none."""
    return "-" if value is None else f"{value:.4f}"


def _overall(metrics: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    named = {"": metrics, "optimum_": metrics["optimum"], "raw_optimum_": metrics["raw_optimum"]}
    return [(prefix, of) for prefix, of in named.items() if of]


def _heads(figures: Mapping[str, Any]) -> list[str]:
    return [
        f"{title}, {whose}"
        for prefix, whose in ANSWERS.items()
        for figure, title in _FIGURES.items()
        if f"{prefix}{figure}" in figures
    ]


def _figures(figures: Mapping[str, Any]) -> list[str]:
    names = [f"{prefix}{figure}" for prefix in ANSWERS for figure in _FIGURES]
    return [number(figures[name]) for name in names if name in figures]


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"
