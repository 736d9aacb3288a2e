from __future__ import annotations

from tests.inference_logger.test_decode import both_ways, inference


def test_a_challenger_in_shadow_has_columns_of_its_own_and_without_one_they_are_null() -> None:
    shadow = {"shadow_version": "2", "shadow_hash": "cd", "shadow_probability": 0.5}
    with_one, without = both_ways([inference(**shadow), inference()])
    assert {name: with_one[name] for name in shadow} == shadow
    assert {without[name] for name in shadow} == {None}
