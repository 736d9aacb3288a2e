"""First-day churn at a gaming company: will this player come back after the first day?"""

from __future__ import annotations

from pipeline.declaration import (
    Aggregation,
    EventType,
    Integer,
    Lookup,
    ModelInputs,
    Number,
    Silence,
    Text,
    UseCase,
)
from pipeline.windows import FirstDay

_FIRST_DAY = FirstDay(opens_with="purchase", hours=24)
_MOST = 1e9  # no single amount is larger, in the currency's unit

USE_CASE = UseCase(
    name="first_day_churn",
    entity="user_id",
    events=(
        EventType(
            "registration",
            aliases=("new_registration",),
            fields=(
                Text(name="name", personal=True),
                Text(name="date_of_birth", personal=True),
                Text(name="street_address", personal=True),
                Text(name="city"),
                Text(name="country"),
                Integer(name="postcode"),
                Text(name="affiliate_url"),
                Text(name="campaign"),
                Integer(name="label", low=0, high=1, outcome=True),
            ),
        ),
        EventType(
            "purchase",
            aliases=("new_purchase", "new_purchases"),
            fields=(Number(name="amount", required=True, low=0, high=_MOST),),
        ),
        EventType(
            "bet",
            aliases=("new_bet",),
            fields=(Number(name="bet_amount", required=True, low=0, high=_MOST),),
        ),
        EventType(
            "win",
            aliases=("new_win",),
            fields=(Number(name="win_amount", required=True, low=0, high=_MOST),),
        ),
    ),
    lookups=(Lookup("socioeconomic_idx", event="registration", key="postcode", default=0.0),),
    aggregations=(
        Aggregation("purchase", event="purchase", of="amount", window=_FIRST_DAY),
        Aggregation("bet", event="bet", of="bet_amount", window=_FIRST_DAY),
        Aggregation("win", event="win", of="win_amount", window=_FIRST_DAY),
    ),
    scored_on=("bet", "win"),
    model=ModelInputs(
        features=(
            "socioeconomic_idx",
            "purchase_sum",
            "purchase_mean",
            "purchase_count",
            "purchase_var",
            "bet_sum",
            "bet_mean",
            "bet_count",
            "bet_var",
            "win_sum",
            "win_mean",
            "win_count",
            "win_var",
        )
    ),
    outcome="label",
    fold_version=2,
    remembered_ids=32,  # a body of POST /events may hold half as many events of a user
    label_rule=Silence(opens_with="purchase", after=24, hours=24),
)
