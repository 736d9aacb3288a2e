"""In a flood the handler stops reading, and a person lets it go on."""

from __future__ import annotations

from event_handler.notes import LetThrough, Pause, decode
from event_handler.positions import Key
from pipeline.errors import InfrastructureError
from pipeline.kafka.admin import Commit
from tests.event_handler.rig import NOTE, TOPICS, Commits, Rig, source_log, source_origin
from tests.support.events import SECOND
from tests.support.fakes import process

FIRST, OTHER = (TOPICS.generated, 0), (TOPICS.generated, 1)


def flooded() -> Rig:
    """Two partitions of 3,000 and 900 records; the first holds nothing but malformed ones."""
    return Rig({0: source_log(0, 3_000, malformed_each=1), 1: source_log(1, 900)}, most=600)


def pauses(rig: Rig) -> dict[Key, Pause]:
    floods = {key: flood_of(one) for key, one in rig.feed.commits.items()}
    return {key: flood for key, flood in floods.items() if isinstance(flood, Pause)}


def flood_of(commit: Commit) -> Pause | LetThrough | None:
    note = decode(commit.note)
    return None if note is None else note.flood


def resume(rig: Rig, before: int) -> None:
    """A minute later a person lets all pass that stands before this offset."""
    rig.resumes.before = dict.fromkeys(pauses(rig).items(), before)
    rig.clock.at += 60 * SECOND


async def read_on(rig: Rig) -> None:
    """As the loop does, whether or not something is held back."""
    for _ in range(10):
        await rig.step()
        rig.health.worked()


async def test_it_reads_no_more_and_commits_what_it_handled() -> None:
    rig = flooded()
    await read_on(rig)
    assert rig.offsets() == {0: 600, 1: 600}
    assert pauses(rig).keys() == {FIRST, OTHER}
    assert await rig.feed.poll(rig.stage) == []


async def test_all_that_was_handled_came_out_once() -> None:
    rig = flooded()
    await read_on(rig)
    assert sum(map(len, rig.writer.logs.values())) == 1_200
    assert len(rig.origins()) == 1_200


async def test_it_is_live_and_not_ready_while_it_is_paused() -> None:
    rig = flooded()
    await read_on(rig)
    assert (rig.health.live(), rig.health.ready()) == (True, False)


async def test_a_restarted_process_is_still_paused() -> None:
    rig = flooded()
    await read_on(rig)
    again = rig.restarted()
    await read_on(again)
    assert again.offsets() == rig.offsets()
    assert not again.health.ready()


async def test_another_process_takes_the_pause_over_with_the_partition() -> None:
    rig = flooded()
    await read_on(rig)
    other = Rig({1: rig.feed.logs[1], 2: source_log(2)})
    other.feed.commits = dict(rig.feed.commits)
    await read_on(other)
    assert other.offsets()[1] == 600
    assert other.offsets()[2] == 20
    assert not other.health.ready()


async def test_once_a_person_lets_it_it_goes_on_where_it_was() -> None:
    rig = flooded()
    await read_on(rig)
    resume(rig, before=3_000)
    await read_on(rig)
    assert rig.offsets() == {0: 3_000, 1: 900}
    assert rig.health.ready()
    assert rig.origins() == sorted(
        source_origin(partition, offset)
        for partition, count in ((0, 3_000), (1, 900))
        for offset in range(count)
    )


async def test_what_is_let_through_makes_no_flood_also_after_a_restart() -> None:
    rig = flooded()
    await read_on(rig)
    resume(rig, before=3_000)
    await rig.step()
    assert flood_of(rig.feed.commits[FIRST]) == LetThrough(3_000)
    again = rig.restarted()
    await read_on(again)
    assert again.offsets()[0] == 3_000
    assert flood_of(again.feed.commits[FIRST]) is None


async def test_what_comes_after_it_is_counted_anew() -> None:
    rig = flooded()
    await read_on(rig)
    resume(rig, before=1_200)
    await read_on(rig)
    assert rig.offsets() == {0: 2_400, 1: 900}
    assert pauses(rig)[FIRST].share == 1


async def test_a_later_pause_does_not_end_by_an_earlier_answer() -> None:
    rig = flooded()
    await read_on(rig)
    resume(rig, before=0)
    await read_on(rig)
    assert rig.offsets()[0] == 1_800
    assert pauses(rig).keys() == {FIRST, OTHER}


async def test_a_setting_lets_it_go_on() -> None:
    rig = flooded()
    await read_on(rig)
    again = rig.restarted(share=1)
    await read_on(again)
    assert again.offsets() == {0: 3_000, 1: 900}
    assert pauses(again) == {}


async def test_a_pause_that_could_not_be_committed_is_tried_again() -> None:
    rig = flooded()
    commit, failures = rig.feed.commit_noted, [False, True, True]

    async def failing(commits: Commits) -> None:
        if any(isinstance(flood_of(one), Pause) for one in commits.values()) and failures.pop():
            raise InfrastructureError("Kafka is away")
        await commit(commits)

    rig.feed.commit_noted = failing  # type: ignore[method-assign, assignment] # fails twice
    for _ in range(10):
        await process(rig.stage, await rig.feed.poll(rig.stage))
    assert pauses(rig).keys() == {FIRST, OTHER}
    assert failures == []
    assert sum(map(len, rig.writer.logs.values())) == 1_200


async def test_without_a_flood_nothing_is_noted() -> None:
    rig = Rig({0: source_log(0, 3_000)}, most=500)
    await rig.run()
    assert rig.feed.commits == {FIRST: Commit(3_000, NOTE)}
