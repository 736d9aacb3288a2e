"""Who may ask for what: the whole table, with keys and without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pipeline.clock import FixedClock
from pipeline.settings import HttpSettings
from serving.http.connections import network_of
from serving.http.gate import Gate, is_here
from serving.http.keys import KeyRing, new_key
from serving.http.operation import Access
from serving.http.problems import Problem

LOCAL = {b"host": b"localhost:8000"}
STORED, EVENTS = Access.STORED, Access.EVENTS


def scope(client: str = "127.0.0.1", server: str = "127.0.0.1") -> dict[str, Any]:
    return {"client": (client, 5), "server": (server, 8000)}


def gate(ring: KeyRing | None = None, host: str = "127.0.0.1", **settings: Any) -> Gate:
    return Gate(HttpSettings(host=host, **settings), ring, FixedClock())


def status_of(
    asked: Gate, who: dict[str, Any], headers: Mapping[bytes, bytes], access: Access
) -> int:
    """200 where the request is let in, else the status of the refusal."""
    try:
        asked.admit(who, headers, access)
    except Problem as problem:
        return problem.status
    return 200


def bearer(secret: str) -> dict[bytes, bytes]:
    return {**LOCAL, b"authorization": f"Bearer {secret}".encode()}


@pytest.mark.parametrize("access", Access)
def test_without_keys_a_program_on_this_machine_may_ask_for_anything(access: Access) -> None:
    assert status_of(gate(), scope(), LOCAL, access) == 200


@pytest.mark.parametrize(
    ("access", "status"),
    [(Access.OPEN, 200), (Access.REQUEST_SCORED, 200), (STORED, 403), (EVENTS, 403)],
)
def test_without_keys_a_stranger_may_ask_only_for_what_the_request_brings(
    access: Access, status: int
) -> None:
    who = scope("192.0.2.7", "192.0.2.1")
    assert status_of(gate(host="0.0.0.0"), who, {b"host": b"churn.example"}, access) == status


def test_a_service_that_listens_to_all_trusts_not_even_this_machine() -> None:
    assert status_of(gate(host="0.0.0.0"), scope(), LOCAL, STORED) == 403


def test_a_server_told_to_listen_elsewhere_than_the_settings_say_is_not_trusted() -> None:
    assert status_of(gate(), scope("192.0.2.7", "192.0.2.1"), LOCAL, STORED) == 403


@pytest.mark.parametrize(
    "header", [b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via"], ids=bytes.decode
)
def test_what_comes_through_a_proxy_does_not_come_from_here(header: bytes) -> None:
    assert status_of(gate(), scope(), {**LOCAL, header: b"for=192.0.2.7"}, STORED) == 403


@pytest.mark.parametrize(
    "origin",
    [
        b"https://evil.example",
        b"null",
        b"http://127.0.0.1.evil.example",
        b"http://evil.example//localhost",
        b"http://localhost:80@evil.example",
        b"http://evil.example@localhost",
        b"localhost",
        b"//localhost",
        b"file://localhost",
        b"http://localhost/",
        b"",
    ],
)
def test_a_page_of_another_site_may_not_ask_for_its_visitor(origin: bytes) -> None:
    assert status_of(gate(), scope(), {**LOCAL, b"origin": origin}, EVENTS) == 403


def test_a_page_of_our_own_may() -> None:
    headers = {**LOCAL, b"origin": b"http://localhost:8000"}
    assert status_of(gate(), scope(), headers, EVENTS) == 200


def test_a_name_that_was_made_to_point_here_is_not_here() -> None:
    assert status_of(gate(), scope(), {b"host": b"rebound.example:8000"}, STORED) == 403


@pytest.mark.parametrize("access", [one for one in Access if one.scope])
def test_with_keys_nobody_is_let_in_without_one(access: Access) -> None:
    assert status_of(gate(KeyRing()), scope(), LOCAL, access) == 401


def test_with_keys_what_is_open_stays_so() -> None:
    assert status_of(gate(KeyRing()), scope("192.0.2.7"), {}, Access.OPEN) == 200


@pytest.mark.parametrize(
    ("scopes", "access", "status"),
    [
        (["predict"], STORED, 200),
        (["predict"], Access.REQUEST_SCORED, 200),
        (["predict"], EVENTS, 403),
        (["events"], EVENTS, 200),
        (["events"], STORED, 403),
        (["admin"], EVENTS, 200),
    ],
)
def test_a_key_opens_what_its_scopes_say(scopes: list[Any], access: Access, status: int) -> None:
    secret, key = new_key("shop", scopes)
    assert status_of(gate(KeyRing([key])), scope("192.0.2.7"), bearer(secret), access) == status


@pytest.mark.parametrize("presented", [b"", b"Bearer", b"Bearer ", b"Basic eA==", b"Bearer \xff"])
def test_what_is_no_key_is_one_and_the_same_refusal(presented: bytes) -> None:
    _, key = new_key("shop", ["predict"])
    headers = {b"authorization": presented}
    with pytest.raises(Problem) as refused:
        gate(KeyRing([key])).admit(scope(), headers, STORED)
    assert refused.value.status == 401
    assert str(refused.value) == (
        "not_allowed: send a key that may do this, as Authorization: Bearer KEY"
    )


def test_a_stranger_is_told_how_keys_are_made() -> None:
    with pytest.raises(Problem, match=r"pipeline keys add.*PIPELINE_HTTP_KEYS"):
        gate(host="0.0.0.0").admit(scope("192.0.2.7"), {}, STORED)


def test_a_key_that_may_not_is_told_what_it_lacks() -> None:
    secret, key = new_key("shop", ["events"])
    with pytest.raises(Problem, match="not_allowed: the key needs the scope predict"):
        gate(KeyRing([key])).admit(scope("192.0.2.7"), bearer(secret), STORED)


def test_a_caller_without_a_key_is_counted_by_address() -> None:
    asked = gate(host="0.0.0.0", address_rate=1)
    far, other = scope("192.0.2.7"), scope("192.0.2.8")
    statuses = [status_of(asked, far, {}, Access.OPEN) for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert status_of(asked, other, {}, Access.OPEN) == 200


def test_wrong_keys_are_counted_by_address_too() -> None:
    asked = gate(KeyRing(), host="0.0.0.0", address_rate=1)
    statuses = [status_of(asked, scope("192.0.2.7"), bearer("guess"), STORED) for _ in range(3)]
    assert statuses == [401, 401, 429]


def test_a_key_is_counted_by_its_name_wherever_it_comes_from() -> None:
    secret, key = new_key("shop", ["predict"])
    asked = gate(KeyRing([key]), rate=1)
    places = ["192.0.2.7", "192.0.2.8", "192.0.2.9"]
    statuses = [status_of(asked, scope(one), bearer(secret), STORED) for one in places]
    assert statuses == [200, 200, 429]


def test_a_refusal_for_too_many_says_when_to_come_again() -> None:
    asked = gate(host="0.0.0.0", address_rate=0.25)
    asked.admit(scope("192.0.2.7"), {}, Access.OPEN)
    with pytest.raises(Problem) as refused:
        asked.admit(scope("192.0.2.7"), {}, Access.OPEN)
    assert refused.value.headers == ((b"retry-after", b"5"),)


def test_all_addresses_of_one_ipv6_network_are_one_caller() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff")
    assert network_of("2001:db8::1") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:192.0.2.7") != network_of("::ffff:192.0.2.8")


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("LOCALHOST:8000", True),
        ("::1", True),
        ("[::1]:8000", True),
        ("0.0.0.0", False),
        ("localhost.example", False),
        ("127.0.0.1.example:80", False),
        ("[::1].example", False),
        ("[::1", False),
        ("[::1]x:80", False),
        ("localhost:80@evil.example", False),
        ("evil.example@localhost", False),
        ("localhost:80:80", False),
        ("localhost:", False),
        ("localhost:x", False),
        ("localhost\n", False),
        ("127.0.0.1 ", False),
        ("", False),
    ],
)
def test_only_loopback_is_here(host: str, here: bool) -> None:  # noqa: FBT001 - a case of the table
    assert is_here(host) is here
