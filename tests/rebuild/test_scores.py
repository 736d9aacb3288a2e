"""What `serving` holds is built from the logged inferences, and the worker goes on from there."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.clock import FixedClock
from pipeline.control import erase_record, is_control
from pipeline.faults import FaultPoints
from pipeline.first_records import FirstRecords
from pipeline.marker import Marker
from pipeline.stateful import Stateful
from rebuild.builders import Built
from serving.core import STAGE, ServingCore, ServingItem
from tests.rebuild.rig import FEATURES_ID, INFERENCES_ID, Ledger, held, refused
from tests.rebuild.test_features import Logged
from tests.serving.test_core import FakeHolder, FakeModel
from tests.stream_features.test_split import Content, controls, events
from tests.support.events import NOON, consumed, log_of, purchase, win
from tests.support.fakes import FakeFeed, FakeStore, FakeWriter, Records
from tests.support.properties import FEW
from tests.support.reading_back import FakeReadingBack
from tests.support.stages import TOPICS, Rig
from use_cases.first_day_churn import USE_CASE


def scoring_stage(
    store: FakeStore, writer: FakeWriter, model: FakeModel | None = None, now: int = NOON
) -> Stateful[ServingItem]:
    reading = FakeReadingBack(writer, TOPICS.inferences)
    return Stateful(
        name=STAGE,
        core=ServingCore(USE_CASE, TOPICS, FakeHolder(model or FakeModel()), FixedClock(now)),
        store=store,
        outputs=writer,
        delivering=FirstRecords(TOPICS.inferences, writer, reading),
        fingerprint=USE_CASE.fingerprint,
        effect="score",
        clock=FixedClock(NOON),
        faults=FaultPoints(),
    )


async def served(requests: Records, store: FakeStore) -> FakeWriter:
    """What the scoring stage writes, with what it keeps in `store`."""
    writer = FakeWriter()
    await run_on(requests, scoring_stage(store, writer))
    return writer


def stored(writer: FakeWriter, topic: str) -> Records:
    """What was written to a topic's one partition, as it is read."""
    written = [one for target, log in writer.logs.items() for one in log if target.topic == topic]
    return [
        consumed(one.value, topic=topic, offset=n, key=one.key, headers=one.headers)
        for n, one in enumerate(written)
    ]


def put(store: FakeStore, built: Built) -> None:
    """As the switch does."""
    store.entities.clear()
    for entity, values in held(built).items():
        store.entities[(0, built.marker.generation, entity)] = values
    store.markers[0] = built.marker.encode()


def latest(store: FakeStore) -> dict[str, list[bytes]]:
    return {entity: values for (_, _, entity), values in store.entities.items()}


async def asked(records: Records) -> Records:
    """The requests that the feature stage writes for these records."""
    rig = Rig({0: records}, FakeStore())
    await rig.run()
    return stored(rig.writer, TOPICS.features)


@FEW
@given(st.lists(st.one_of(events, events, events, controls), max_size=60), st.data())
async def test_wherever_it_stops_the_worker_that_goes_on_holds_the_same(
    contents: list[Content], data: st.DataObject
) -> None:
    """However far the stages and the logger are behind each other."""
    records = log_of(contents)
    requests, whole = await asked(records), FakeStore()
    inferences = stored(await served(requests, whole), TOPICS.inferences)
    behind = data.draw(st.integers(0, len(records)), "incoming logged")
    inferred = data.draw(st.integers(0, len(inferences)), "inferences logged")
    with Logged() as ledger:
        await ledger.log(TOPICS.incoming, {0: records[:behind]}, rows=9)
        await ledger.log(TOPICS.inferences, {0: inferences[:inferred]}, rows=4)
        ledger.holds(TOPICS.features, {0: requests})
        built = ledger.scores.build(0, None, "g2")
    store = FakeStore()
    put(store, built)
    await served(requests, store)
    assert latest(store) == latest(whole)


@FEW
@given(st.lists(st.one_of(events, events, events, controls), max_size=60), st.data())
async def test_scores_that_were_told_are_in_force_whatever_the_model_is_by_now(
    contents: list[Content], data: st.DataObject
) -> None:
    """However much of them the logger had come to, and however often they were made."""
    requests, whole, writer = await asked(log_of(contents)), FakeStore(), FakeWriter()
    writer.topic_ids[TOPICS.inferences] = INFERENCES_ID
    await run_on(requests, scoring_stage(whole, writer))
    await run_on(requests, scoring_stage(FakeStore(), writer, FakeModel(version="8"), NOON + 1))
    inferences = stored(writer, TOPICS.inferences)
    inferred = data.draw(st.integers(0, len(inferences)), "inferences logged")
    with Logged() as ledger:
        await ledger.log(TOPICS.incoming, {0: log_of(contents)}, rows=9)
        await ledger.log(TOPICS.inferences, {0: inferences[:inferred]}, rows=4)
        ledger.holds(TOPICS.features, {0: requests})
        built = ledger.scores.build(0, None, "g2")
    store = FakeStore()
    put(store, built)
    assert built.marker.written.offset <= inferred
    await run_on(requests, scoring_stage(store, writer, FakeModel(version="9"), NOON + 2))
    assert latest(store) == latest(whole)


async def test_the_worker_goes_on_behind_the_last_score_that_was_taken(tmp_path: Path) -> None:
    ledger = await all_logged(tmp_path, scored(win(1, "u1"), win(2, "u2"), win(3, "u1")))
    assert ledger.scores.build(0, None, "g2").marker.written == (INFERENCES_ID, 3)


async def run_on(requests: Records, stage: Stateful[ServingItem]) -> None:
    feed = FakeFeed({0: requests}, cycle([7]), TOPICS.features, FEATURES_ID)
    stage.reader = feed
    await feed.run(stage)


def scored(*contents: Content) -> list[Content]:
    """A first purchase, so that what follows counts."""
    return [purchase(1, "u1"), purchase(1, "u2"), *contents]


async def all_logged(root: Path, contents: list[Content]) -> Ledger:
    ledger, records = Ledger(root), log_of(contents)
    requests = await asked(records)
    inferences = stored(await served(requests, FakeStore()), TOPICS.inferences)
    await ledger.log(TOPICS.incoming, {0: records})
    await ledger.log(TOPICS.inferences, {0: inferences})
    ledger.holds(TOPICS.features, {0: requests})
    return ledger


def kept(ledger: Ledger) -> set[str]:
    return {entity for entity, _ in ledger.scores.build(0, None, "g2").entities}


async def test_an_erased_entity_has_no_score(tmp_path: Path) -> None:
    contents = scored(win(1, "u1"), win(2, "u2"), erase_record("u1"))
    assert kept(await all_logged(tmp_path, contents)) == {"u2"}


async def test_a_score_after_the_erasure_stays(tmp_path: Path) -> None:
    contents = scored(win(1, "u1"), erase_record("u1"), purchase(1, "u1"), win(2, "u1"))
    assert kept(await all_logged(tmp_path, contents)) == {"u1"}


@pytest.mark.parametrize(("last", "is_done"), [("u2", True), (None, False)])
async def test_an_erasure_is_done_with_once_something_after_it_was_scored(
    tmp_path: Path, last: str | None, *, is_done: bool
) -> None:
    after: list[Content] = [] if last is None else [win(2, last)]
    ledger = await all_logged(tmp_path, scored(win(1, "u1"), erase_record("u1"), *after))
    highest = ledger.scores.build(0, None, "g2").marker.highest
    assert (("incomingincomingincomi", 0) in highest.places) is is_done


@pytest.mark.parametrize("inferred", range(5))
async def test_no_erasure_is_lost_for_the_stages_behind(tmp_path: Path, inferred: int) -> None:
    """What is not logged of `inferences` is passed on again."""
    records = log_of(scored(win(1, "u1"), erase_record("u1"), win(2, "u2"), erase_record("u2")))
    requests, store, ledger = await asked(records), FakeStore(), Ledger(tmp_path)
    inferences = stored(await served(requests, FakeStore()), TOPICS.inferences)
    await ledger.log(TOPICS.incoming, {0: records})
    await ledger.log(TOPICS.inferences, {0: inferences[:inferred]})
    ledger.holds(TOPICS.features, {0: requests})
    put(store, ledger.scores.build(0, None, "g2"))
    again = stored(await served(requests, store), TOPICS.inferences)
    told = [one.key for one in (*inferences[:inferred], *again) if is_control(one.headers)]
    assert {*told} == {b"u1", b"u2"}


async def test_an_inference_ahead_of_the_logged_events_does_not_count_yet(tmp_path: Path) -> None:
    """Else the erasure before it, which nobody knows of here, would be done again after it."""
    records = log_of(scored(win(1, "u1"), erase_record("u1"), purchase(1, "u1"), win(2, "u1")))
    requests, whole, store = await asked(records), FakeStore(), FakeStore()
    inferences = stored(await served(requests, whole), TOPICS.inferences)
    ledger = Ledger(tmp_path)
    await ledger.log(TOPICS.incoming, {0: records[:3]})
    await ledger.log(TOPICS.inferences, {0: inferences})
    ledger.holds(TOPICS.features, {0: requests})
    put(store, ledger.scores.build(0, None, "g2"))
    await served(requests, store)
    assert latest(store) == latest(whole)
    assert latest(whole)


async def test_the_worker_reads_its_topic_once_more(tmp_path: Path) -> None:
    ledger = await all_logged(tmp_path, scored(win(1, "u1")))
    ledger.starts[TOPICS.features, 0] = 1
    marker = ledger.scores.build(0, None, "g2").marker
    assert (marker.topic_id, marker.offset, marker.partitions) == (FEATURES_ID, 0, 1)


async def test_a_topic_of_requests_that_was_made_again_is_refused(tmp_path: Path) -> None:
    ledger = await all_logged(tmp_path, scored(win(1, "u1")))
    live = Marker.first("another", "g1", USE_CASE.fingerprint)
    assert "--new-epoch" in refused(ledger, live, scores=True)


async def test_a_marker_past_the_end_is_replaced(tmp_path: Path) -> None:
    ledger = await all_logged(tmp_path, scored(win(1, "u1")))
    live = replace(Marker.first(FEATURES_ID, "g1", USE_CASE.fingerprint), offset=5)
    assert ledger.scores.build(0, live, "g2").marker.offset == -1


async def test_inferences_that_were_made_again_are_refused(tmp_path: Path) -> None:
    ledger = await all_logged(tmp_path, scored(win(1, "u1")))
    ledger.ids[TOPICS.inferences] = "another"
    assert "--new-epoch" in refused(ledger, None, scores=True)


async def test_what_is_no_inference_is_passed_over(tmp_path: Path) -> None:
    ledger = await all_logged(tmp_path, scored(win(1, "u1")))
    broken = [consumed(b"no json", topic=TOPICS.inferences, offset=n) for n in range(3)]
    stray = Ledger(tmp_path)
    ledger.ends[TOPICS.inferences, 0] = 3
    await stray.log(TOPICS.inferences, {0: broken})
    assert kept(ledger) == {"u1"}
