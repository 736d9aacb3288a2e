"""A group member that ends when another takes its name, where aiokafka takes the name back.

Of two members with one instance name Kafka lets the newcomer in and tells the older one, once it
shows itself with its name, that it is fenced. aiokafka's heartbeats do not carry the name: to it
the older one is only unknown, so it joins again and fences the other in turn, for ever.
"""

from __future__ import annotations

from typing import Any, NoReturn

from aiokafka.consumer import consumer
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaError
from aiokafka.protocol.api import Request
from aiokafka.protocol.group import (
    HeartbeatRequest,
    HeartbeatRequest_v0,
    HeartbeatRequest_v1,
    HeartbeatResponse_v1,
    JoinGroupRequest,
)
from aiokafka.protocol.types import Int32, Schema, String

_FENCED = 82


class FencedError(KafkaError):  # type: ignore[misc] # aiokafka ships no types
    """Another member has taken our instance name."""

    retriable = False


class _HeartbeatResponse(HeartbeatResponse_v1):  # type: ignore[misc] # as above
    API_VERSION = 3


class _NamedHeartbeat(HeartbeatRequest_v1):  # type: ignore[misc] # as above
    API_VERSION = 3
    RESPONSE_TYPE = _HeartbeatResponse
    SCHEMA = Schema(
        ("group", String("utf-8")),
        ("generation_id", Int32),
        ("member_id", String("utf-8")),
        ("group_instance_id", String("utf-8")),
    )


class _Heartbeat(Request[HeartbeatRequest_v0 | HeartbeatRequest_v1 | _NamedHeartbeat]):  # type: ignore[misc] # as above
    """A heartbeat that carries the name to brokers that know names (2.3 and later)."""

    API_KEY = HeartbeatRequest.API_KEY

    def __init__(self, *member: Any) -> None:
        """The group, the generation, the member's id, and its instance name."""
        self._member = member

    def build(self, request_struct_class: Any) -> Any:
        """The overridden method's."""
        is_named = request_struct_class is _NamedHeartbeat
        return request_struct_class(*(self._member if is_named else self._member[:-1]))


class Membership(GroupCoordinator):  # type: ignore[misc] # aiokafka ships no types
    """A coordinator that sends nothing more once it is `fenced`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.fenced = False
        self._lost: tuple[int, str] | None = None
        super().__init__(*arguments, **options)

    def reset_generation(self) -> None:
        """Keep under which generation and id we were a member, when that is lost."""
        if self.member_id != JoinGroupRequest.UNKNOWN_MEMBER_ID:
            self._lost = (self.generation, self.member_id)
        super().reset_generation()

    async def _send_req(self, request: Any) -> Any:
        """The overridden method's. Raises FencedError."""
        if self.fenced:
            self._fail()
        if isinstance(request, HeartbeatRequest):
            request = self._heartbeat(self.generation, self.member_id)
        if isinstance(request, JoinGroupRequest):
            await self._ask_after_the_lost()
        answer = await super()._send_req(request)
        self._look_at(answer)
        return answer

    async def _ask_after_the_lost(self) -> None:
        """Whoever was replaced is told so; whose session ran out may join again.

        Answered once: a join whose own answer is lost is replaced by our next one.
        """
        if self._lost is not None:
            answer = await super()._send_req(self._heartbeat(*self._lost))
            self._lost = None
            self._look_at(answer)

    def _heartbeat(self, generation: int, member_id: str) -> _Heartbeat:
        return _Heartbeat(self.group_id, generation, member_id, self._group_instance_id)

    def _look_at(self, answer: Any) -> None:
        if getattr(answer, "error_code", None) == _FENCED:
            self.fenced = True
            self._fail()

    def _fail(self) -> NoReturn:
        """Whoever waits for an assignment waits in vain: it is told so at each try to join."""
        error = FencedError()
        self._subscription.abort_waiters(error)
        raise error


def end_when_fenced() -> None:
    """Every consumer that this process makes from now on does."""
    consumer.GroupCoordinator = Membership


def is_fenced(made: Any) -> bool:
    """Whether another member has taken the name of a consumer that was made so."""
    return getattr(made._coordinator, "fenced", False)  # noqa: SLF001 - told nowhere else
