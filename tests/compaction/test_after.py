"""What a rebuild makes of a compacted log, and of one that has lost its oldest dates."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given

from tests.compaction.rig import compact, expire, log
from tests.compaction.test_rows import SOME, Directory
from tests.inference_logger.rig import bets, files_of, offsets_of
from tests.rebuild.rig import Ledger, held, refused
from tests.rebuild.test_features import A_LOG, at, disturbed
from tests.support.events import changed, consumed
from tests.support.fakes import Records
from tests.support.stages import TOPICS


@SOME
@given(disturbed())
async def test_a_rebuild_gives_the_same_bits(records: Records) -> None:
    with Directory() as root:
        ledger = Ledger(root)
        await ledger.log(TOPICS.incoming, {0: records}, rows=7)
        before = ledger.features.build(0, None, "g2")
        bits = held(before)
        compact(root)
        after = ledger.features.build(0, None, "g2")
        assert after.marker == before.marker
        assert held(after) == bits


async def test_a_rebuild_goes_as_far_as_a_marker_inside_a_compacted_file(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    await ledger.log(TOPICS.incoming, {0: A_LOG}, rows=4)
    bits = held(ledger.features.build(0, at(5), "g2"))
    compact(tmp_path)
    assert held(ledger.features.build(0, at(5), "g2")) == bits


async def test_the_logger_goes_on_where_all_its_files_were_removed(tmp_path: Path) -> None:
    await log(tmp_path, {0: bets(20)})
    expire(tmp_path)
    assert files_of(tmp_path) == []
    await log(tmp_path, {0: bets(30)})
    assert offsets_of(tmp_path) == list(range(20, 30))


async def test_a_rebuild_refuses_what_lost_its_beginning(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    later = [changed(one, timestamp=one.timestamp + 86_400_000) for one in A_LOG[4:]]
    await ledger.log(TOPICS.incoming, {0: A_LOG[:4]})
    expire(tmp_path)
    await ledger.log(TOPICS.incoming, {0: [*A_LOG[:4], *later]})
    said = refused(ledger, at(11))
    assert "offsets 0 to 3 of incoming-events, partition 0, are in no Parquet file" in said
    assert "what a retention removed is gone" in said


async def test_a_rebuild_refuses_what_lost_all_its_files(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    await ledger.log(TOPICS.incoming, {0: A_LOG})
    expire(tmp_path)
    assert "offsets 0 to 11 of incoming-events" in refused(ledger, at(11))


async def test_scores_are_not_rebuilt_from_inferences_that_were_removed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    await ledger.log(TOPICS.incoming, {0: A_LOG})
    await ledger.log(TOPICS.inferences, {0: [consumed(b"{}", topic=TOPICS.inferences)]})
    expire(tmp_path, topic=TOPICS.inferences)
    assert "offsets 0 to 0 of inferences" in refused(ledger, None, scores=True)
