"""Rolling windows equal a recomputation over the events of their tiles, in bounded space."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.events import EventDecoder
from pipeline.fold import COUNTED, LATE
from pipeline.state import EntityState, StateCodec
from pipeline.times import HOUR, MINUTE
from pipeline.windows import Moments, Rolling
from pipeline.windows.kept import MOST_DISTINCT, PARTS, Distinct, Extremes, Last
from tests.support.events import NOON, SECOND
from tests.support.properties import PROPERTY
from tests.support.rolling import (
    CASE,
    FOLD,
    HOURS,
    amounts,
    bet,
    by_pandas,
    folded,
    logs,
    win,
    without_duplicates,
)

CODEC = StateCodec(CASE)
WIDTHS = Rolling(HOURS).tiles
WHOLE = tuple(name for name in CASE.features if name in CASE.whole)


def stored(state: EntityState) -> list[bytes]:
    """What Redis holds of it."""
    values = CODEC.encode(state)
    return [value.encode() if isinstance(value, str) else value for value in values]


def reloaded(state: EntityState) -> EntityState:
    found = CODEC.decode(stored(state))
    assert found is not None
    return found


def assert_told(found: dict[str, Any], wanted: dict[str, float]) -> None:
    """Counts exactly, the rest to 1e-9; a spread far below the values' resolution has no double."""
    assert list(found) == list(wanted) == list(CASE.features)
    for name, value in wanted.items():
        if name in WHOLE or name.endswith(("_min", "_max", "_last")):
            assert found[name] == value, name
        else:
            scale = wanted[name.replace("_var", "_mean")] ** 2 * 1e-14 if "_var" in name else 0.0
            assert math.isclose(found[name], value, rel_tol=1e-9, abs_tol=scale), name
        assert math.isfinite(found[name])


@PROPERTY
@given(logs())
def test_features_equal_a_recomputation_with_pandas(log: list[Any]) -> None:
    state, kept = folded(log), without_duplicates(log)
    newest = max((event.at for event in kept), default=0)
    assert_told(FOLD.features(state, newest), by_pandas(kept, newest))


@PROPERTY
@given(logs(), st.integers(0, 400 * HOUR))
def test_windows_are_read_as_of_the_moment_asked(log: list[Any], later: int) -> None:
    state, kept = folded(log), without_duplicates(log)
    as_of = max((event.at for event in kept), default=0) + later
    assert_told(FOLD.features(state, as_of), by_pandas(kept, as_of))


@PROPERTY
@given(logs())
def test_any_split_into_batches_gives_the_same_bits(log: list[Any]) -> None:
    """A batch's state is read back; its copy changes nothing in it."""
    state = FOLD.empty()
    for event in log:
        before = stored(state)
        changed = folded([event], state.copy())
        assert stored(state) == before
        state = reloaded(changed)
    assert stored(state) == stored(folded(log))


@PROPERTY
@given(logs())
def test_a_state_comes_back_bit_for_bit(log: list[Any]) -> None:
    state = folded(log)
    assert stored(reloaded(state)) == stored(state)


@PROPERTY
@given(logs(most=120))
def test_a_state_never_holds_more_than_12_tiles_of_a_window(log: list[Any]) -> None:
    state = folded(log)
    assert all(len(tiles.held) <= 12 for windows in state.tiles for tiles in windows)


@PROPERTY
@given(logs())
def test_two_lengths_after_the_newest_event_every_window_is_empty(log: list[Any]) -> None:
    state = folded(log)
    features = FOLD.features(state, (state.newest or 0) + 2 * 168 * HOUR)
    assert set(features.values()) == {0}


@pytest.mark.parametrize("count", [1, 200])
def test_however_many_events_a_state_does_not_grow(count: int) -> None:
    starts = [NOON + width * tile for width in WIDTHS for tile in range(12)]
    events = [bet(start, float(n), n) for start in sorted(starts) for n in range(count)]
    sizes = dict(zip(CODEC.fields, map(len, stored(folded(events))), strict=False))
    masks, tiles = 2 * len(WIDTHS), 12 * len(WIDTHS)
    assert sizes["tiles_bet"] <= masks + tiles * (32 + 16 + 16)
    assert sizes["tiles_games"] <= masks + tiles * (1 + 8 * MOST_DISTINCT)


def test_a_window_is_the_tile_of_the_moment_and_the_eleven_before_it() -> None:
    state = folded([bet(NOON, 3.0)])
    hour = "bet_1h_count"
    assert FOLD.features(state, NOON + HOUR - 1)[hour] == 1
    assert FOLD.features(state, NOON + HOUR)[hour] == 0
    state = folded([bet(NOON + 5 * MINUTE - 1, 3.0)])
    assert FOLD.features(state, NOON + HOUR - 1)[hour] == 1
    assert FOLD.features(state, NOON + HOUR)[hour] == 0  # 55 minutes later


def test_a_silent_entity_s_last_hour_is_empty_and_its_last_week_is_not() -> None:
    features = FOLD.features(folded([bet(NOON, 3.0)]), NOON + 3 * HOUR)
    assert (features["bet_1h_sum"], features["bet_24h_sum"]) == (0, 3.0)


def test_a_late_event_lands_in_its_tile_while_that_is_kept() -> None:
    state = folded([win(NOON), win(NOON - 22 * HOUR, 5.0)])
    assert FOLD.features(state, NOON)["win_24h_sum"] == 6.0
    assert FOLD.features(state, NOON + 2 * HOUR)["win_24h_sum"] == 1.0


def test_an_event_that_no_window_takes_is_late_and_changes_no_feature() -> None:
    state = folded([win(NOON, 4.0)])
    before = FOLD.features(state, NOON)
    late = FOLD.apply(state, win(NOON - 24 * HOUR), {})
    assert (late.reason, late.causes_score) == (LATE, False)
    assert FOLD.features(state, NOON) == before


def test_an_event_counts_while_the_longest_of_its_windows_takes_it() -> None:
    state = folded([bet(NOON)])
    assert FOLD.apply(state, bet(NOON - 100 * HOUR), {}).reason == COUNTED
    features = FOLD.features(state, NOON)
    assert (features["bet_24h_count"], features["bet_7d_count"]) == (1, 2)


def test_what_is_late_is_told_by_the_newest_event_of_any_type() -> None:
    state = folded([bet(NOON)])
    assert FOLD.apply(state, win(NOON - 24 * HOUR), {}).reason == LATE


def test_an_event_from_far_ahead_empties_the_windows_before_it() -> None:
    state = folded([bet(NOON), bet(NOON + 1000 * HOUR, 7.0)])
    assert FOLD.apply(state, bet(NOON + SECOND), {}).reason == LATE
    assert FOLD.features(state, NOON + 1000 * HOUR)["bet_7d_sum"] == 7.0


def test_stale_tiles_are_not_stored() -> None:
    stale = stored(folded([win(NOON), bet(NOON + 48 * HOUR)]))
    assert stale == stored(folded([bet(NOON + 48 * HOUR)]))


def test_of_two_events_at_once_the_later_in_the_log_is_the_last() -> None:
    state = folded([bet(NOON, 1.0), bet(NOON, 2.0), bet(NOON - 1, 3.0)])
    assert FOLD.features(state, NOON)["bet_1h_last"] == 2.0


def test_different_values_are_counted_up_to_32() -> None:
    state = folded([bet(NOON + n * SECOND, game=n) for n in range(40)])
    assert FOLD.features(state, NOON + HOUR - 1)["games_1h_distinct"] == 32


def test_a_person_reads_the_features_as_of_the_newest_event() -> None:
    fields = dict(zip(CODEC.fields, stored(folded([bet(NOON, 2.5)])), strict=False))
    assert (fields["bet_1h_sum"], fields["bet_1h_count"]) == (b"2.5", b"1")
    assert fields["win_24h_mean"] == b"0.0"
    assert CODEC.required[-4:] == ("tiles_bet", "tiles_games", "tiles_devices", "tiles_win")


def test_a_canonical_event_with_a_text_to_count_is_read() -> None:
    record = (
        b'{"user_id":"u","event_type":"bet","event_time":"2025-06-01T12:00:00.000000Z",'
        b'"stake":2,"game":1,"device":"phone"}'
    )
    state = folded([EventDecoder(CASE).decode(record)])
    assert FOLD.features(state, NOON)["devices_24h_distinct"] == 1


@pytest.mark.parametrize("name", ["tiles_bet", "tiles_games", "tiles_win"])
@pytest.mark.parametrize("cut", [b"", b"\0", b"\xff\xff", b"\1\0", b"\1\0\1"])
def test_tiles_that_no_codec_wrote_are_refused(name: str, cut: bytes) -> None:
    values = stored(folded([bet(NOON), win(NOON)]))
    values[CODEC.fields.index(name)] = cut
    with pytest.raises(ValueError):  # noqa: PT011 - any message will do
        CODEC.decode(values)


def test_bytes_behind_the_tiles_are_refused() -> None:
    values = stored(folded([bet(NOON)]))
    values[-1] += b"\0"
    with pytest.raises(ValueError, match="another length"):
        CODEC.decode(values)


def held_by(part: Any, values: list[float]) -> Any:
    held = part.first(values[0], 0)
    for at, value in enumerate(values[1:], 1):
        held = part.plus(held, value, at)
    return held


some = st.lists(amounts, min_size=1, max_size=20)


@PROPERTY
@given(some, some, some)
@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
def test_merging_is_associative(part: Any, a: Any, b: Any, c: Any) -> None:
    first, second, third = (held_by(part, one) for one in (a, b, c))
    left = part.merged([part.merged([first, second]), third])
    right = part.merged([first, part.merged([second, third])])
    together = part.merged([first, second, third])
    for one in (left, right):
        assert_merged(part.read(one), part.read(together))


def assert_merged(found: Any, wanted: Any) -> None:
    scale = max(map(abs, wanted)) ** 2 * 1e-15
    for one, other in zip(found, wanted, strict=True):
        assert (
            one == other
            if isinstance(other, int)
            else math.isclose(one, other, rel_tol=1e-9, abs_tol=scale)
        )


@PROPERTY
@given(some, some)
def test_merged_moments_are_those_of_all_values(a: list[float], b: list[float]) -> None:
    merged = Moments.merged([moments_of(a).row, moments_of(b).row])
    whole = moments_of([*a, *b])
    assert merged.count == whole.count
    assert_merged((merged.sum, merged.mean), (whole.sum, whole.mean))
    assert math.isclose(merged.var, whole.var, rel_tol=1e-9, abs_tol=whole.mean**2 * 1e-14)


def moments_of(values: list[float]) -> Moments:
    moments = Moments()
    for value in values:
        moments.add(value)
    return moments


sets = st.lists(st.integers(0, 40).map(float), min_size=1, max_size=60)


@PROPERTY
@given(st.lists(sets, min_size=1, max_size=5))
def test_different_values_of_several_tiles_are_counted_once_up_to_32(tiles: Any) -> None:
    held = [held_by(Distinct(), values) for values in tiles]
    wanted = min(len({value for values in tiles for value in values}), MOST_DISTINCT)
    assert Distinct().told(Distinct().merged(held)) == (wanted,)


def test_the_two_zeros_are_one_value() -> None:
    assert Distinct().told(held_by(Distinct(), [0.0, -0.0])) == (1,)


def test_of_several_tiles_the_newest_tells_the_last_value() -> None:
    older, newer = (0, 1.0), (1, 2.0)
    assert Last().merged([older, newer]) == newer
    assert Extremes().merged([(2.0, 3.0), (1.0, 1.0)]) == (1.0, 3.0)


@pytest.mark.parametrize(
    ("hours", "label"),
    [
        (1, "_1h"),
        (24, "_24h"),
        (36, "_36h"),
        (48, "_2d"),
        (168, "_7d"),
        (0.5, "_30m"),
        (0.1, "_6m"),
        (0.01, "_36s"),
    ],
)
def test_a_window_is_named_in_the_largest_unit_that_fits(hours: float, label: str) -> None:
    assert Rolling(hours).labels == (label,)


@pytest.mark.parametrize("hours", [0, -1, 1e-10, 1 / 3, math.inf, math.nan, (1, 0), (1, -24)])
def test_a_length_that_makes_no_whole_tiles_is_refused(hours: Any) -> None:
    with pytest.raises(ValueError, match="are not 12 tiles of whole microseconds"):
        Rolling(hours)


def test_a_rolling_window_without_a_length_is_refused() -> None:
    with pytest.raises(ValueError, match="has no length"):
        Rolling(())
