"""Whether somebody gets an offer, and if not, why not. Pure; all times are microseconds, UTC.

Whoever shows indicators of harm, or of whom that cannot be known, gets none, whatever else holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from pipeline.shares import place_of
from pipeline.times import EPOCH, HOUR

_DAY = 24 * HOUR


class Decision(StrEnum):
    """Yes, or the reason of a no: of several that hold, the first in this order."""

    FLAGS_UNREADABLE = "flags_unreadable"
    NO_CONTACT = "no_contact"
    HARM = "harm"
    SELF_EXCLUDED = "self_excluded"
    NO_CONSENT = "no_consent"
    BELOW_THRESHOLD = "below_threshold"
    NOT_FIRST = "not_first"
    TOO_MANY = "too_many"
    QUIET_HOURS = "quiet_hours"
    HOLD_OUT = "hold_out"
    YES = "yes"


PASSING = frozenset({Decision.FLAGS_UNREADABLE, Decision.QUIET_HOURS})
"""Reasons that may be gone at the next score: the occasion stays open for it."""

COUNTED = frozenset({Decision.YES, Decision.HOLD_OUT})
"""What the frequency cap counts: the hold-out is asked as often as the others, and gets nothing."""


@dataclass(frozen=True, slots=True)
class Contact:
    """How somebody may be reached, and what forbids it; the address shows itself to no log."""

    email: str
    time_zone: ZoneInfo
    consent: bool
    self_excluded: bool
    harm: bool

    def __repr__(self) -> str:
        return "Contact(...)"


Contacts = Mapping[str, Contact]
"""By entity."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one campaign: days, hours of the clock in the contact's time zone, a share.

    Quiet hours are from `quiet_from` to before `quiet_until`, over midnight if that is the later;
    none where both are equal.
    """

    campaign: str = "offers"
    threshold: float = 0.5
    first_in_days: int = 7
    most: int = 2
    most_in_days: int = 30
    quiet_from: int = 22
    quiet_until: int = 8
    hold_out: float = 0.1


USUAL = Policy()
"""Unless the settings say otherwise."""


@dataclass(frozen=True, slots=True)
class Score:
    """A churn probability of somebody as of a moment."""

    entity: str
    at: int
    probability: float


@dataclass(frozen=True, slots=True)
class History:
    """What is remembered of somebody: when last over the threshold, when last given an offer.

    `open_for` is the passing reason for which the last occasion had no offer yet.
    """

    over_at: int | None = None
    given_at: tuple[int, ...] = ()
    open_for: str = ""


NEW = History()
"""Of whom nothing is remembered."""


@dataclass(frozen=True, slots=True)
class _Question:
    score: Score
    contact: Contact
    history: History
    policy: Policy
    now: int


def decide(
    score: Score, contacts: Contacts | None, history: History, policy: Policy, now: int
) -> Decision:
    """What somebody with this score gets at `now`; `contacts` is None where it cannot be read.

    The days count by the score's own time, the quiet hours by `now`.
    """
    if contacts is None:
        return Decision.FLAGS_UNREADABLE
    contact = contacts.get(score.entity)
    if contact is None:
        return Decision.NO_CONTACT
    question = _Question(score, contact, history, policy, now)
    return next((reason for reason, holds in _RULES if holds(question)), Decision.YES)


def is_occasion(score: Score, history: History, policy: Policy) -> bool:
    """Whether there is anything to decide: over the threshold, and not decided lately."""
    return score.probability >= policy.threshold and _is_first(score, history, policy)


def remembered(score: Score, decision: Decision, history: History, policy: Policy) -> History:
    """The history after a score over the threshold was decided so."""
    over_at = score.at if history.over_at is None else max(score.at, history.over_at)
    given = history.given_at
    if decision in COUNTED:
        given = tuple(sorted((*given, score.at)))[-policy.most :]
    return History(over_at, given, decision if decision in PASSING else "")


def is_quiet(contact: Contact, policy: Policy, now: int) -> bool:
    """Whether the contact's clock says at `now` that nobody should be written to."""
    hour = (EPOCH + timedelta(microseconds=now)).astimezone(contact.time_zone).hour
    begin, end = policy.quiet_from, policy.quiet_until
    return begin <= hour < end if begin <= end else hour >= begin or hour < end


def _is_first(score: Score, history: History, policy: Policy) -> bool:
    if history.over_at is None or history.open_for:
        return True
    return score.at - history.over_at >= policy.first_in_days * _DAY


def _is_too_many(question: _Question) -> bool:
    """By what is remembered, the newest `most`: an older one is outside, or one of these is not."""
    since = question.score.at - question.policy.most_in_days * _DAY
    return sum(at > since for at in question.history.given_at) >= question.policy.most


def _is_held_out(question: _Question) -> bool:
    policy = question.policy
    return place_of(question.score.entity, policy.campaign) < policy.hold_out


_RULES: tuple[tuple[Decision, Callable[[_Question], bool]], ...] = (
    (Decision.HARM, lambda one: one.contact.harm),
    (Decision.SELF_EXCLUDED, lambda one: one.contact.self_excluded),
    (Decision.NO_CONSENT, lambda one: not one.contact.consent),
    (Decision.BELOW_THRESHOLD, lambda one: not one.score.probability >= one.policy.threshold),
    (Decision.NOT_FIRST, lambda one: not _is_first(one.score, one.history, one.policy)),
    (Decision.TOO_MANY, _is_too_many),
    (Decision.QUIET_HOURS, lambda one: is_quiet(one.contact, one.policy, one.now)),
    (Decision.HOLD_OUT, _is_held_out),
)
