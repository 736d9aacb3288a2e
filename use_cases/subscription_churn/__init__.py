"""Churn at a subscription service: will this subscriber cancel?"""

from __future__ import annotations

from pipeline.declaration.form import Amount, Choice, Form, Outcome, Whole

USE_CASE = Form(
    name="subscription_churn",
    subject="subscriber",
    fields=(
        Whole(
            name="tenure",
            about="how long a subscriber",
            low=0,
            high=1_200,
            example=4,
            unit="months",
        ),
        Amount(
            name="usage",
            about="how much the service was used in the last month, of 100",
            low=0,
            high=100,
            example=22.5,
        ),
        Whole(name="age", about="the subscriber's age", low=18, high=80, example=34, unit="years"),
        Amount(
            name="monthly_charges",
            about="the charge of a month, in the currency's unit",
            low=0,
            high=10_000,
            example=59.9,
        ),
        Choice(
            name="contract_type",
            about="for how long the subscriber is bound",
            choices=("Month-to-month", "One year", "Two year"),
            example="Month-to-month",
        ),
    ),
    outcome=Outcome("churn", churned="1", stayed="0"),
    fair_by=("age",),
)
