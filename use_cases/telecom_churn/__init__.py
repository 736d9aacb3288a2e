"""Churn at a telephone and internet company: will this customer leave?"""

from __future__ import annotations

from pipeline.declaration.form import YES_NO, Amount, Choice, Form, Outcome, Whole

USE_CASE = Form(
    name="telecom_churn",
    subject="customer",
    fields=(
        Whole(
            name="SeniorCitizen",
            about="1 for a customer of 65 or older, else 0",
            low=0,
            high=1,
            example=0,
        ),
        Choice(name="Partner", about="lives with a partner", choices=YES_NO, example="Yes"),
        Choice(name="Dependents", about="lives with dependents", choices=YES_NO, example="No"),
        Choice(name="PhoneService", about="has a telephone line", choices=YES_NO, example="Yes"),
        Whole(
            name="tenure",
            about="how long a customer",
            low=0,
            high=1_200,
            example=5,
            unit="months",
        ),
        Choice(
            name="InternetService",
            about="how the customer is connected, or No",
            choices=("DSL", "Fiber optic", "No"),
            example="Fiber optic",
        ),
        Choice(
            name="Contract",
            about="for how long the customer is bound",
            choices=("Month-to-month", "One year", "Two year"),
            example="Month-to-month",
        ),
        Choice(
            name="PaymentMethod",
            about="how the customer pays",
            choices=(
                "Bank transfer (automatic)",
                "Credit card (automatic)",
                "Electronic check",
                "Mailed check",
            ),
            example="Electronic check",
        ),
        Amount(
            name="MonthlyCharges",
            about="the charge of a month, in the currency's unit",
            low=0,
            high=10_000,
            example=79.85,
        ),
        Amount(
            name="TotalCharges",
            about="all charges so far; empty for a new customer, which means 0",
            low=0,
            high=10_000_000,
            example=399.25,
            empty=0,
        ),
    ),
    outcome=Outcome("Churn", churned="Yes", stayed="No"),
    fair_by=("SeniorCitizen",),
)
