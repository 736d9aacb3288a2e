"""Two hundred made-up customers as CSV, with all columns of the public Telco churn sample.

`python -m tests.training.forms.made_up` writes them to customers.csv beside this file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

from use_cases.telecom_churn.world import draw

CUSTOMERS = Path(__file__).parent / "customers.csv"
HEADER = [
    "gender",
    "SeniorCitizen",
    "Partner",
    "Dependents",
    "tenure",
    "PhoneService",
    "MultipleLines",
    "InternetService",
    "OnlineSecurity",
    "OnlineBackup",
    "DeviceProtection",
    "TechSupport",
    "StreamingTV",
    "StreamingMovies",
    "Contract",
    "PaperlessBilling",
    "PaymentMethod",
    "MonthlyCharges",
    "TotalCharges",
    "Churn",
]
_ON_INTERNET = HEADER[8:14]


def text() -> str:
    """The file's content: the world's customers, and by turns the columns no model reads."""
    file = io.StringIO()
    writer = csv.DictWriter(file, HEADER, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_rows())
    return file.getvalue()


def _rows() -> Iterator[Mapping[str, Any]]:
    turns = cycle(
        [("Female", "Yes"), ("Male", "No"), ("Male", "Yes"), ("Female", "No"), ("Male", "No")]
    )
    for drawn, (gender, yes_no) in zip(draw(200, 200), turns, strict=False):
        no_phone = drawn.request["PhoneService"] == "No"
        no_internet = drawn.request["InternetService"] == "No"
        further = "No internet service" if no_internet else yes_no
        yield {
            "gender": gender,
            "MultipleLines": "No phone service" if no_phone else yes_no,
            "PaperlessBilling": yes_no,
            "Churn": "Yes" if drawn.churned else "No",
            **dict.fromkeys(_ON_INTERNET, further),
            **drawn.request,
        }


if __name__ == "__main__":
    CUSTOMERS.write_text(text())
