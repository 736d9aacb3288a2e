"""What a player has done lately: bets and wins of the last hour, day and week.

It shows rolling windows. No model reads them: whoever wants to, reads Redis.
"""

from __future__ import annotations

from pipeline.declaration import Aggregation, EventType, Integer, Number, Text, UseCase
from pipeline.windows import STATISTICS, Rolling

_LATELY = Rolling(hours=(1, 24, 168))
_MOST = 1e9  # no single amount is larger, in the currency's unit

USE_CASE = UseCase(
    name="player_activity",
    entity="player_id",
    events=(
        EventType("session", fields=(Text(name="device"),)),
        EventType(
            "bet",
            fields=(
                Number(name="stake", required=True, low=0, high=_MOST),
                Integer(name="game", required=True, low=0),
            ),
        ),
        EventType("win", fields=(Number(name="prize", required=True, low=0, high=_MOST),)),
    ),
    lookups=(),
    aggregations=(
        Aggregation("bet", event="bet", of="stake", window=_LATELY),
        Aggregation(
            "win",
            event="win",
            of="prize",
            window=_LATELY,
            statistics=(*STATISTICS, "max", "last"),
        ),
        Aggregation(
            "game",
            event="bet",
            of="game",
            window=Rolling(hours=24),
            statistics=("distinct",),
        ),
    ),
    scored_on=(),
    model=None,
    outcome="",
    fold_version=2,
    topic_prefix="player_activity.",
)
