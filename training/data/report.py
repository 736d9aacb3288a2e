"""A description as one HTML file that needs no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from training.data.describe import by_importance
from training.data.pictures import correlation, histograms, importance
from training.page import page_of
from training.sheets import Sheet

_BODY = """\
<p>{summary}</p>
{left_out}
<h2>How each input is spread</h2>
<p>The share of the rows of those who stayed, and of those who churned; what is far out stands in
the last bin.</p>
{histograms}
<h2>What each input alone says of the label</h2>
<p>In bits, by the tenth of the rows that its value falls into; and its AUC alone, whichever way
round. Two inputs may say the same: see their correlation. No model has a part in it.</p>
{importance}
{inputs}
<h2>Correlation</h2>
<p>Pearson's coefficient; grey is what never varies.</p>
{correlation}"""

_HEAD = ("input", "bits", "AUC", "mean", "deviation", "least", "median", "most", "missing")


def page(described: Mapping[str, Any]) -> str:
    """The whole page."""
    body = _BODY.format(
        summary=escape(
            f"{described['rows']:,} scores of {described['users']:,} users from "
            f"{described['source']}; {described['churned']:.1%} of the rows are of users who "
            f"churned. Dataset of SHA-256 {described['dataset'][:12]}."
        ),
        left_out=_left_out(described["left_out"]),
        histograms=histograms(described),
        importance=importance(described),
        inputs=Sheet(_HEAD, [_row(name, told) for name, told in by_importance(described)]).html(),
        correlation=correlation(described),
    )
    return page_of(f"What {described['use_case']} learns from", body)


def _left_out(counts: Mapping[str, int]) -> str:
    rows = [(why, f"{count:,}") for why, count in counts.items()]
    return Sheet(("scores left out", "rows"), rows).html() if rows else ""


def _row(name: str, told: Mapping[str, Any]) -> Sequence[str]:
    least, _, median, _, most = told["quantiles"]
    numbers = (told["mean"], told["deviation"], least, median, most)
    return (
        name,
        f"{told['information']:.4f}",
        f"{told['auc']:.4f}",
        *(f"{one:,.6g}" for one in numbers),
        f"{told['missing']:,}",
    )
