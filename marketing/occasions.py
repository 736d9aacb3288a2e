"""What scores over the threshold come to, in turn: decisions, and what is remembered. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.offers.deciding import (
    NEW,
    Contacts,
    Decision,
    History,
    Policy,
    Score,
    decide,
    is_occasion,
    remembered,
)


@dataclass(slots=True)
class Occasions:
    """Decides by one policy and one state of the contacts.

    `changed` is what is to be stored: of an erased entity nothing any more.
    """

    policy: Policy
    contacts: Contacts | None
    histories: Mapping[str, History]
    changed: dict[str, History | None] = field(default_factory=dict)

    def decide(self, score: Score, now: int) -> Decision | None:
        """What is to be told of a score over the threshold; None where there is nothing new.

        That is where it is no occasion, or the no for which the last one is still open.
        """
        history = self._history(score.entity)
        if not is_occasion(score, history, self.policy):
            self.changed[score.entity] = remembered(score, Decision.NOT_FIRST, history, self.policy)
            return None
        decision = decide(score, self.contacts, history, self.policy, now)
        self.changed[score.entity] = remembered(score, decision, history, self.policy)
        return None if decision == history.open_for else decision

    def erase(self, entity: str) -> None:
        """Forget whatever was remembered; a later score finds somebody new."""
        self.changed[entity] = None

    def _history(self, entity: str) -> History:
        if entity in self.changed:
            return self.changed[entity] or NEW
        return self.histories.get(entity, NEW)
