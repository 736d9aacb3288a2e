from __future__ import annotations

import pytest

from event_handler.notes import LetThrough, Note, Pause, decode, encode


@pytest.mark.parametrize("note", [Pause(1_748_779_200_000_000, 0.62), LetThrough(17), None])
def test_a_note_is_read_as_it_was_written(note: Note | None) -> None:
    assert decode(encode(note)) == note


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "17", "{}", '{"paused":{}}', '{"other":{"at":1}}', '{"paused":1}'],
)
def test_a_text_that_is_not_ours_is_no_note(text: str) -> None:
    assert decode(text) is None


def test_a_person_reads_a_note() -> None:
    assert encode(Pause(17, 0.62)) == '{"paused": {"at": 17, "share": 0.62}}'
