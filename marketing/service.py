"""The stage: `pipeline.stateful`, with the way out of a position that is no good."""

from __future__ import annotations

from pipeline.errors import Refusal
from pipeline.kafka.positions import Log
from pipeline.ports import I
from pipeline.stateful import Stateful

FINGERPRINT = "offers-1"
"""Raised by hand when what is remembered of somebody takes another form."""


class Offers(Stateful[I]):
    """What it remembers is in no rebuild: it is begun anew instead."""

    async def position(self, log: Log) -> int | None:
        """As `Stateful` has it; a Refusal names the command that begins anew."""
        try:
            return await super().position(log)
        except Refusal as error:
            raise Refusal(
                error.problem, "Stop marketing and run `pipeline offers begin`"
            ) from error
