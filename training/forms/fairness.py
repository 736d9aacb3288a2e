"""Whether a form's model errs more often on some than on others, by the fields declared. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.declaration.form import Choice, Field, Form, has_few_levels
from training.fairness import Group, age_spans, compared
from training.forms.table import FormTable
from training.table import Flags, Floats


def fairness(
    form: Form, table: FormTable, probabilities: Floats, threshold: float
) -> dict[str, Any]:
    """Error rates by each field of `fair_by`, by name, as a stream's are told."""
    return {
        field.name: compared(
            table.labels, probabilities, threshold, _groups(field, table.inputs[:, place])
        )
        for place, field in enumerate(form.fields)
        if field.name in form.fair_by
    }


def _groups(field: Field, values: Floats) -> list[Group]:
    """An empty value is in none. Each row is a customer of its own."""
    rows = _by_level(field, values) if has_few_levels(field) else age_spans(values)
    return [Group(name, chosen, int(chosen.sum())) for name, chosen in rows.items()]


def _by_level(field: Field, values: Floats) -> dict[str, Flags]:
    levels = np.unique(values[~np.isnan(values)])
    return {_said(field, level): values == level for level in levels}


def _said(field: Field, level: float) -> str:
    return field.choices[int(level)] if isinstance(field, Choice) else f"{level:g}"
