from __future__ import annotations

import pytest

from generator.progress import lines, progress_shown


def test_into_a_pipe_it_says_now_and_then_how_many() -> None:
    moments = iter([0.0, 10.0, 31.0, 31.0, 40.0, 62.0, 62.0])
    output: list[str] = []
    show = lines(5_000, output.append, now=lambda: next(moments), every=30)
    for sent in (1_000, 2_000, 3_000, 4_000):
        show(sent)
    assert output == ["2,000 of 5,000 records sent", "4,000 of 5,000 records sent"]


def test_where_nobody_knows_the_end_it_says_none() -> None:
    moments = iter([0.0, 31.0, 31.0])
    output: list[str] = []
    lines(None, output.append, now=lambda: next(moments), every=30)(1_000)
    assert output == ["1,000 records sent"]


def test_the_meter_remembers_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_shown(10) as meter:
        meter(7)
    assert meter.sent == 7
    assert capsys.readouterr().err == ""
