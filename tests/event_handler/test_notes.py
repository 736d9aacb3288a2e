from __future__ import annotations

import pytest

from event_handler.notes import LetThrough, Note, Pause, decode, encode


@pytest.mark.parametrize("flood", [Pause(1_748_779_200_000_000, 0.62), LetThrough(17), None])
def test_a_note_is_read_as_it_was_written(flood: Pause | LetThrough | None) -> None:
    note = Note("topic-id", 3, flood)
    assert decode(encode(note)) == note


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "17", "{}", '{"topic_id":"a"}', '{"topic_id":1,"incarnation":1}'],
)
def test_a_text_that_is_not_ours_is_no_note(text: str) -> None:
    assert decode(text) is None


def test_a_person_reads_a_note() -> None:
    assert encode(Note("id", 3, Pause(17, 0.62))) == (
        '{"topic_id":"id","incarnation":3,"flood":{"type":"paused","at":17,"share":0.62}}'
    )
