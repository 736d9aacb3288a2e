"""Which connections have to go: never more than the bounds, the oldest that waits first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from serving.http.connections import UNKNOWN, Bounds, Connections, Peers, network_of
from tests.support.properties import PROPERTY

FEW = Bounds(connections=4, of_peer=2)
LATER = 10.0


def filled(*peers: str, bounds: Bounds = FEW) -> tuple[Connections[int], list[int]]:
    """Connections 0, 1, 2 ... of these peers, and those that had to go."""
    connections: Connections[int] = Connections(bounds)
    gone = [connections.open(number, peer, LATER) for number, peer in enumerate(peers)]
    return connections, [one for one in gone if one is not None]


def test_of_one_peer_the_oldest_that_waits_goes_first() -> None:
    connections, gone = filled("a", "a", "a", "b", "a")
    assert gone == [0, 1]
    assert len(connections) == 3


def test_over_all_the_oldest_of_the_peer_that_has_most_goes() -> None:
    _, gone = filled("a", "b", "b", "c", "d")
    assert gone == [1]


def test_one_that_is_worked_on_does_not_go() -> None:
    connections, _ = filled("a", "a")
    connections.work(0)
    assert connections.open(2, "a", LATER) is None
    assert connections.open(3, "a", LATER) == 1


def test_one_that_waits_again_is_the_youngest() -> None:
    connections, _ = filled("a", "a")
    connections.work(0)
    connections.wait(0, LATER)
    assert connections.open(2, "a", LATER) == 1


def test_where_all_others_are_worked_on_the_new_one_goes() -> None:
    connections, _ = filled("a", "b", "c", "d")
    for number in range(4):
        connections.work(number)
    assert connections.open(4, "e", LATER) == 4


def test_what_comes_through_a_proxy_is_bound_only_with_all_others() -> None:
    _, gone = filled(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
    assert gone == [0]


def test_the_overdue_are_told_and_may_be_given_more_time() -> None:
    connections, _ = filled("a", "b")
    connections.work(1)
    assert connections.overdue(LATER - 1) == []
    assert connections.overdue(LATER) == [0]
    connections.postpone(0, LATER + 1)
    assert connections.overdue(LATER) == []


def test_one_that_is_gone_is_forgotten() -> None:
    connections, _ = filled("a")
    connections.close(0)
    connections.wait(0, LATER)
    connections.postpone(0, 0)
    assert (len(connections), connections.overdue(LATER)) == (0, [])


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["open", "wait", "work", "close"]),
        st.integers(0, 30),
        st.sampled_from(["a", "b", "c", UNKNOWN]),
    ),
    max_size=80,
)


@PROPERTY
@given(STEPS)
def test_whatever_happens_the_bounds_hold(steps: list[tuple[str, int, str]]) -> None:
    connections: Connections[int] = Connections(FEW)
    waiting: dict[int, str] = {}
    working: dict[int, str] = {}
    for step, number, peer in steps:
        gone = None
        if step == "open" and number not in waiting and number not in working:
            waiting[number] = peer
            gone = connections.open(number, peer, LATER)
        elif step == "wait" and number in working:
            waiting[number] = working.pop(number)
            gone = connections.wait(number, LATER)
        elif step == "work" and number in waiting:
            working[number] = waiting.pop(number)
            connections.work(number)
        elif step == "close":
            waiting.pop(number, None)
            working.pop(number, None)
            connections.close(number)
        if gone is not None:
            assert gone in waiting, "only one that waits may go"
            del waiting[gone]
        assert sorted(connections.overdue(LATER)) == sorted(waiting)
        assert len(connections) == len(waiting) + len(working) <= FEW.connections
        for name in ("a", "b", "c"):
            assert list(waiting.values()).count(name) <= FEW.of_peer


def test_a_peer_is_its_address_and_of_ipv6_its_network() -> None:
    peers = Peers()
    assert peers.name("192.0.2.7") == "192.0.2.7" == peers.name("::ffff:192.0.2.7")
    assert peers.name("2001:db8::1") == peers.name("2001:db8::ffff") == network_of("2001:db8::2")
    assert peers.name("2001:db8::1") != peers.name("2001:db8:0:1::1")
    assert peers.name("") == UNKNOWN


def test_a_proxy_that_is_believed_is_no_peer() -> None:
    peers = Peers(["192.0.2.7", "10.0.0.0/8", "proxy.example"])
    assert [peers.name(one) for one in ("192.0.2.7", "10.1.2.3")] == [UNKNOWN, UNKNOWN]
    assert peers.name("192.0.2.8") == "192.0.2.8"
    assert Peers(["*"]).name("192.0.2.8") == UNKNOWN
