"""Who gets an offer, and which of several reasons a no names."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.offers.deciding import (
    COUNTED,
    NEW,
    Contact,
    Decision,
    History,
    Policy,
    Score,
    decide,
    is_occasion,
    remembered,
)
from pipeline.times import HOUR, parse_time
from tests.support.properties import PROPERTY

NOON = parse_time("2026-01-02T12:00:00Z")
DAY = 24 * HOUR
WILLING = Contact("a@example.com", ZoneInfo("UTC"), consent=True, self_excluded=False, harm=False)
EVERYONE = Policy(hold_out=0)
HIGH = Score("u1", NOON, 0.9)


def decided(
    contact: Contact | None = WILLING,
    score: Score = HIGH,
    history: History = NEW,
    policy: Policy = EVERYONE,
    now: int = NOON,
) -> Decision:
    return decide(score, {} if contact is None else {"u1": contact}, history, policy, now)


def test_whoever_is_willing_and_over_the_threshold_gets_an_offer() -> None:
    assert decided() is Decision.YES


def test_without_readable_flags_nobody_gets_an_offer() -> None:
    assert decide(HIGH, None, NEW, EVERYONE, NOON) is Decision.FLAGS_UNREADABLE


def test_whoever_is_not_in_the_table_gets_no_offer() -> None:
    assert decided(contact=None) is Decision.NO_CONTACT


@pytest.mark.parametrize(
    ("contact", "reason"),
    [
        (replace(WILLING, harm=True), Decision.HARM),
        (replace(WILLING, self_excluded=True), Decision.SELF_EXCLUDED),
        (replace(WILLING, consent=False), Decision.NO_CONSENT),
    ],
)
def test_a_flag_forbids_an_offer(contact: Contact, reason: Decision) -> None:
    assert decided(contact) is reason


def test_a_probability_at_the_threshold_is_over_it() -> None:
    assert decided(score=replace(HIGH, probability=0.5)) is Decision.YES


@pytest.mark.parametrize("probability", [0.4999, 0.0, float("nan")])
def test_a_probability_below_the_threshold_is_no_occasion(probability: float) -> None:
    score = replace(HIGH, probability=probability)
    assert decided(score=score) is Decision.BELOW_THRESHOLD
    assert not is_occasion(score, NEW, EVERYONE)


@pytest.mark.parametrize(("days", "expected"), [(6, Decision.NOT_FIRST), (7, Decision.YES)])
def test_only_the_first_time_in_so_many_days_counts(days: int, expected: Decision) -> None:
    assert decided(history=History(over_at=NOON - days * DAY)) is expected


def test_an_occasion_that_is_still_open_is_decided_again() -> None:
    history = remembered(HIGH, Decision.QUIET_HOURS, NEW, EVERYONE)
    later = replace(HIGH, at=NOON + HOUR)
    assert decided(score=later, history=history) is Decision.YES


@pytest.mark.parametrize("reason", [Decision.HARM, Decision.NO_CONSENT, Decision.TOO_MANY])
def test_another_no_closes_the_occasion(reason: Decision) -> None:
    history = remembered(HIGH, reason, NEW, EVERYONE)
    assert not is_occasion(replace(HIGH, at=NOON + HOUR), history, EVERYONE)


@pytest.mark.parametrize(("days", "expected"), [(29, Decision.TOO_MANY), (30, Decision.YES)])
def test_the_cap_counts_the_offers_of_its_days(days: int, expected: Decision) -> None:
    history = History(given_at=(NOON - days * DAY, NOON - 8 * DAY))
    assert decided(history=history) is expected


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", Decision.YES),
        ("Asia/Tokyo", Decision.YES),  # 21:00
        ("Australia/Sydney", Decision.QUIET_HOURS),  # 23:00
        ("America/Los_Angeles", Decision.QUIET_HOURS),  # 04:00
        ("America/New_York", Decision.QUIET_HOURS),  # 07:00
        ("America/Sao_Paulo", Decision.YES),  # 09:00
    ],
)
def test_quiet_hours_are_those_of_the_contacts_clock(zone: str, expected: Decision) -> None:
    assert decided(replace(WILLING, time_zone=ZoneInfo(zone))) is expected


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [(12, 13, "quiet_hours"), (11, 12, "yes"), (12, 12, "yes"), (0, 24, "quiet_hours")],
)
def test_quiet_hours_need_not_go_over_midnight(begin: int, end: int, expected: str) -> None:
    policy = replace(EVERYONE, quiet_from=begin, quiet_until=end)
    assert decided(policy=policy) == expected


def test_the_hold_out_gets_nothing_and_is_counted_as_if() -> None:
    everyone_held = replace(EVERYONE, hold_out=1)
    assert decided(policy=everyone_held) is Decision.HOLD_OUT
    assert remembered(HIGH, Decision.HOLD_OUT, NEW, everyone_held).given_at == (NOON,)


def test_another_campaign_holds_others_out() -> None:
    contacts = {f"u{n}": WILLING for n in range(200)}

    def held(campaign: str) -> set[str]:
        policy = Policy(campaign=campaign, hold_out=0.5)
        return {
            name
            for name in contacts
            if decide(Score(name, NOON, 1), contacts, NEW, policy, NOON) is Decision.HOLD_OUT
        }

    assert held("spring") != held("autumn")
    assert held("spring") == held("spring")


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_hold_out_is_about_its_share_of_all(share: float) -> None:
    names = [f"user {n}" for n in range(5_000)]
    policy = Policy(hold_out=share)
    contacts = dict.fromkeys(names, WILLING)
    held = sum(
        decide(Score(name, NOON, 1), contacts, NEW, policy, NOON) is Decision.HOLD_OUT
        for name in names
    )
    assert abs(held / len(names) - share) < 4 * (share * (1 - share) / len(names)) ** 0.5


def test_the_reasons_go_before_each_other_in_the_declared_order() -> None:
    """Everything speaks against it; taking away the first reason shows the next."""
    contact = Contact("", ZoneInfo("Asia/Tokyo"), consent=False, self_excluded=True, harm=True)
    score, history = Score("u1", NOON, 0.1), History(NOON - 1, (NOON - 2, NOON - 1))
    policy = Policy(quiet_from=0, quiet_until=24, hold_out=1)
    steps = [
        decide(score, None, history, policy, NOON),
        decided(None, score, history, policy),
        decided(contact, score, history, policy),
        decided(contact := replace(contact, harm=False), score, history, policy),
        decided(contact := replace(contact, self_excluded=False), score, history, policy),
        decided(contact := replace(contact, consent=True), score, history, policy),
        decided(contact, HIGH, history, policy),
        decided(contact, HIGH, history := replace(history, over_at=None), policy),
        decided(contact, HIGH, NEW, policy),
        decided(contact, HIGH, NEW, policy := replace(policy, quiet_until=0)),
        decided(contact, HIGH, NEW, replace(policy, hold_out=0)),
    ]
    assert steps == list(Decision)


def test_a_contact_shows_its_address_to_nobody() -> None:
    assert "example" not in f"{WILLING!r} {WILLING}"


contacts = st.builds(
    Contact,
    st.just("a@example.com"),
    st.sampled_from(["UTC", "Asia/Tokyo", "America/New_York"]).map(ZoneInfo),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
scores = st.builds(Score, st.just("u1"), st.integers(0, 100 * DAY), st.floats(0, 1))
histories = st.builds(
    History,
    st.none() | st.integers(0, 100 * DAY),
    st.lists(st.integers(0, 100 * DAY), max_size=3).map(tuple),
    st.sampled_from(["", "quiet_hours"]),
)
policies = st.builds(
    Policy,
    campaign=st.text(max_size=3),
    threshold=st.floats(0, 1),
    first_in_days=st.integers(0, 10),
    most=st.integers(1, 4),
    most_in_days=st.integers(0, 40),
    quiet_from=st.integers(0, 23),
    quiet_until=st.integers(0, 23),
    hold_out=st.floats(0, 1),
)


@PROPERTY
@given(contacts, scores, histories, policies, st.integers(0, 200 * DAY))
def test_never_an_offer_with_a_flag_or_without_consent(
    contact: Contact, score: Score, history: History, policy: Policy, now: int
) -> None:
    found = decide(score, {"u1": contact}, history, policy, now)
    if found in COUNTED:
        assert (contact.harm, contact.self_excluded, contact.consent) == (False, False, True)
        assert score.probability >= policy.threshold
        assert is_occasion(score, history, policy)
    assert found is decide(score, {"u1": contact}, history, policy, now)


@PROPERTY
@given(st.lists(scores, max_size=30), policies)
def test_the_cap_is_kept_in_any_order_of_scores(found: list[Score], policy: Policy) -> None:
    history, given_at = NEW, list[int]()
    for score in found:
        if not is_occasion(score, history, policy):
            continue
        decision = decide(score, {"u1": WILLING}, history, policy, score.at)
        history = remembered(score, decision, history, policy)
        if decision in COUNTED:
            given_at.append(score.at)
    for begin in given_at:
        within = [at for at in given_at if begin <= at < begin + policy.most_in_days * DAY]
        assert len(within) <= max(policy.most, 1) or policy.most_in_days == 0


@PROPERTY
@given(st.lists(scores, max_size=30), policies)
def test_what_is_remembered_of_somebody_does_not_grow(found: list[Score], policy: Policy) -> None:
    history = NEW
    for score in found:
        history = remembered(score, Decision.YES, history, policy)
    assert len(history.given_at) <= policy.most
