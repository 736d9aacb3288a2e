from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inference_logger.replays import judge
from pipeline.origin import Highest, origin_of
from tests.support.events import consumed

ORIGINS = st.one_of(
    st.none(),
    st.sampled_from(
        [
            b"",
            b"torn",
            b"a/b/1/0",
            b"a/1/2",
            b"a/1/x/0",
            b"\xff/1/2/0",
            b"a/1/-2/0",
            b"a/1/2/01",
            b"a/1/2/1\n",
        ]
    ),
    st.builds(
        lambda topic, partition, offset, index: f"{topic}/{partition}/{offset}/{index}".encode(),
        st.sampled_from(["a", "b/c"]),
        st.integers(0, 2),
        st.integers(0, 5),
        st.integers(0, 2),
    ),
)
CARRIED = st.lists(st.tuples(st.sampled_from(["", "serving"]), ORIGINS), max_size=30)


@given(carried=CARRIED, at=st.integers(0, 30))
def test_many_records_are_judged_as_each_alone(
    carried: list[tuple[str, bytes | None]], at: int
) -> None:
    rows = [(writer, origin, offset) for offset, (writer, origin) in enumerate(carried)]
    first = judge({}, ("own", 0), rows[:at])
    second = judge(first.highest, ("own", 0), rows[at:])
    alone = {"": Highest(), "serving": Highest()}
    origins = [
        origin_of(
            "own",
            consumed(None, offset=n, headers=(("origin", origin),) if origin is not None else ()),
        )
        for _, origin, n in rows
    ]
    admitted = [alone[row[0]].admit(origin) for row, origin in zip(rows, origins, strict=True)]
    assert [*first.replayed, *second.replayed] == [not one for one in admitted]
    assert [*first.origins, *second.origins] == [origin.encode() for origin in origins]
    assert {name: one for name, one in alone.items() if one.places} == second.highest


def test_what_was_known_before_is_left_as_it_is() -> None:
    before = {"": Highest({("a", 1): (0, 3, 0)})}
    judge(before, ("own", 0), [("", b"a/1/9/0", 0)])
    assert before[""].places == {("a", 1): (0, 3, 0)}
