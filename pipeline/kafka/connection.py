"""Makes aiokafka's connections fail on uvloop as they do on asyncio's own loop.

A connection may break at the very step at which aiokafka writes to it. On asyncio's loop the answer
then fails, and aiokafka asks again; uvloop raises a RuntimeError at once, at which aiokafka's
background tasks end. It has no setting for this, so we replace its connection.
"""

from __future__ import annotations

from typing import Any

from aiokafka import conn
from aiokafka.errors import KafkaConnectionError


class _Connection(conn.AIOKafkaConnection):  # type: ignore[misc] # aiokafka ships no types
    """One to one broker."""

    def send(self, request: Any, expect_response: bool = True) -> Any:  # noqa: FBT001, FBT002 - aiokafka's signature
        """The overridden method's."""
        try:
            return super().send(request, expect_response)
        except RuntimeError as error:
            self.close(reason=conn.CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(f"connection broken: {error}") from error


def break_as_on_asyncio() -> None:
    """Whatever this process connects to by aiokafka from now on does."""
    conn.AIOKafkaConnection = _Connection
