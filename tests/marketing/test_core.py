"""One decision for each occasion, told with its reason; nothing for any other score."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing.core import STAGE, OffersCore
from marketing.remembering import decode, encode
from marketing.service import FINGERPRINT, Offers
from pipeline.clock import FixedClock
from pipeline.control import erase_record
from pipeline.errors import Fatal, Refusal
from pipeline.faults import FaultPoints
from pipeline.offers.contacts import Table
from pipeline.offers.deciding import NEW, History, Policy
from pipeline.origin import header_in
from pipeline.rejection import REASON_HEADER, STAGE_HEADER
from pipeline.times import HOUR
from pipeline.topics import Topics, offers_of
from tests.marketing.rig import DAY, FakeContacts, contact, inference, log_of, told
from tests.support.events import NOON, caused_by
from tests.support.fakes import FakeFeed, FakeStore, FakeWriter, Records
from tests.support.properties import FEW
from use_cases.first_day_churn import USE_CASE

TOPICS, OFFERS = Topics.of(USE_CASE), offers_of(USE_CASE)
EVERYONE = Policy(hold_out=0)
MIDNIGHT = NOON + 12 * HOUR


class Rig:
    """One process of the stage on fakes."""

    def __init__(
        self,
        *contents: Any,
        policy: Policy = EVERYONE,
        contacts: FakeContacts | None = None,
        sizes: tuple[int, ...] = (3,),
    ) -> None:
        self.log: Records = log_of(*contents)
        self.policy, self.contacts = policy, contacts or FakeContacts()
        self.store, self.writer = FakeStore(), FakeWriter()
        self.sizes = sizes
        self.start()

    def start(self) -> None:
        """A new process on what the old one left."""
        self.feed = FakeFeed({0: self.log}, cycle(self.sizes), topic=TOPICS.inferences)
        self.stage = Offers(
            name=STAGE,
            core=OffersCore(USE_CASE, self.policy, self.contacts),
            store=self.store,
            outputs=self.writer,
            fingerprint=FINGERPRINT,
            effect="offer",
            clock=FixedClock(NOON),
            faults=FaultPoints(),
        )
        self.stage.reader = self.feed

    async def decided(self, *more: Any) -> list[tuple[str, str | None]]:
        """Everything that has been told by now: whom of, and the reason of a no."""
        self.log += log_of(*more, start=len(self.log))
        await self.feed.run(self.stage)
        return [(one["user_id"], one["reason"]) for one in told(self.writer.effective(OFFERS))]


async def test_a_decision_is_exact() -> None:
    rig = Rig(inference("a"))
    await rig.decided()
    (record,) = rig.writer.effective(OFFERS)
    assert (record.key, record.headers) == (b"a", caused_by(100))
    assert told([record]) == [
        {
            "schema_version": 1,
            "id": "sourcesourcesourcesour/0/100/0",
            "decided_at": "2025-06-01T12:00:00.000000Z",
            "user_id": "a",
            "as_of": "2025-06-01T12:00:00.000000Z",
            "model": "first_day_churn",
            "version": "7",
            "probability": 0.9,
            "campaign": "offers",
            "offer": "yes",
            "reason": None,
            "contacts": "v1",
        }
    ]


async def test_no_address_is_told() -> None:
    rig = Rig(inference("a"), inference("nobody"))
    await rig.decided()
    assert "@" not in str(rig.writer.logs)


async def test_a_score_below_the_threshold_is_no_occasion_and_costs_no_read() -> None:
    rig = Rig(inference("a", 0.4), inference("b", 0.1))
    assert await rig.decided() == []
    assert (rig.store.reads, rig.store.entities) == (0, {})


async def test_of_many_scores_over_the_threshold_the_first_is_decided() -> None:
    scores = [inference("a", at=NOON + n * DAY) for n in range(20)]
    assert await Rig(*scores).decided() == [("a", None)]


async def test_after_days_below_the_threshold_there_is_another_occasion() -> None:
    low = [inference("a", 0.2, NOON + n * DAY) for n in range(1, 7)]
    found = Rig(inference("a"), *low, inference("a", at=NOON + 7 * DAY))
    assert await found.decided() == [("a", None), ("a", None)]


async def test_each_no_is_told_with_its_reason() -> None:
    contacts = FakeContacts(
        Table("v1", {"a": contact(harm=True), "b": contact(consent=False), "c": contact()})
    )
    rig = Rig(*(inference(user) for user in "abcd"), contacts=contacts)
    assert await rig.decided() == [
        ("a", "harm"),
        ("b", "no_consent"),
        ("c", None),
        ("d", "no_contact"),
    ]


async def test_a_flag_holds_from_the_moment_it_is_loaded() -> None:
    contacts = FakeContacts()
    rig = Rig(inference("a"), contacts=contacts)
    await rig.decided()
    contacts.now = Table("v2", {"a": contact(harm=True)})
    assert await rig.decided(inference("a", at=NOON + 40 * DAY)) == [("a", None), ("a", "harm")]


async def test_an_unreadable_table_is_told_once_and_decided_again_when_it_can_be_read() -> None:
    contacts = FakeContacts(None)
    rig = Rig(inference("a"), inference("a", at=NOON + 1), contacts=contacts)
    assert await rig.decided() == [("a", "flags_unreadable")]
    contacts.now = Table("v1", {"a": contact()})
    found = await rig.decided(inference("a", at=NOON + 2), inference("a", at=NOON + 3))
    assert found == [("a", "flags_unreadable"), ("a", None)]


async def test_quiet_hours_go_by_when_the_score_was_made() -> None:
    rig = Rig(inference("a", at=MIDNIGHT), inference("a", at=MIDNIGHT + HOUR))
    found = await rig.decided(inference("a", at=MIDNIGHT + 8 * HOUR))
    assert found == [("a", "quiet_hours"), ("a", None)]


@pytest.mark.parametrize(
    "content",
    [
        b"not json",
        None,
        {"user_id": "a"},
        inference(probability="high"),
        inference(as_of="yesterday"),
        inference(as_of=None, event_time=None),
        inference(scored_at=""),
    ],
)
async def test_what_is_no_inference_is_rejected(content: Any) -> None:
    rig = Rig(content, inference("b"))
    assert await rig.decided() == [("b", None)]
    (rejected,) = rig.writer.effective(TOPICS.rejected)
    assert header_in(rejected.headers, STAGE_HEADER) == b"marketing"
    assert header_in(rejected.headers, REASON_HEADER) == b"not_an_inference"


async def test_without_an_as_of_the_event_s_time_counts() -> None:
    rig = Rig(inference("a", as_of=None))
    await rig.decided()
    (found,) = told(rig.writer.effective(OFFERS))
    assert found["as_of"] == "2025-06-01T12:00:00.000000Z"


async def test_a_log_whose_beginning_is_gone_is_refused_with_the_way_out() -> None:
    rig = Rig(inference("a"))
    rig.feed.starts = {0: 1}
    with pytest.raises(Refusal, match="pipeline offers begin"):
        await rig.decided()


histories = st.builds(
    History,
    st.none() | st.integers(0, 2**60),
    st.lists(st.integers(0, 2**60), max_size=4).map(tuple),
    st.sampled_from(["", "quiet_hours", "flags_unreadable"]),
)


@given(histories)
def test_what_is_remembered_comes_back_from_the_store(history: History) -> None:
    values = [one.encode() if isinstance(one, str) else one for one in encode(history)]
    assert decode(values) == history


def test_of_whom_nothing_is_stored_nothing_is_remembered() -> None:
    assert decode([None, None, None]) == NEW


@pytest.mark.parametrize("values", [[b"x", b"", b""], [b"1", b"1,x", b""], [b"1", None, b""]])
def test_what_nobody_wrote_is_fatal(values: list[bytes | None]) -> None:
    with pytest.raises(Fatal):
        decode(values)


scores = st.builds(
    inference,
    st.sampled_from("abcdef"),
    st.sampled_from([0.2, 0.6, 0.9]),
    st.integers(0, 30).map(lambda n: NOON + n * DAY),
)


@FEW
@given(
    st.lists(scores | st.sampled_from("abcdef").map(erase_record), max_size=40),
    st.lists(st.integers(1, 10), min_size=1).map(tuple),
    st.lists(st.integers(0, 9), max_size=4),
)
async def test_any_split_with_failures_and_restarts_gives_the_same_decisions(
    inferences: list[Any], sizes: tuple[int, ...], failures: list[int]
) -> None:
    policy = replace(EVERYONE, most=1)
    smooth, rough = Rig(*inferences, policy=policy), Rig(*inferences, policy=policy, sizes=sizes)
    expected = await smooth.decided()
    rough.writer.failures = failures
    half, rough.log[:] = list(rough.log), rough.log[: len(rough.log) // 2]
    await rough.feed.run(rough.stage)
    rough.log[:] = half
    rough.start()
    assert await rough.decided() == expected
    assert sorted(rough.store.entities.values()) == sorted(smooth.store.entities.values())
