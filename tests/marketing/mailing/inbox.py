"""A mail server that keeps what it receives, and does as a test says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from aiosmtpd.controller import Controller

from embedded.ports import free_port
from pipeline.settings import SmtpSettings


@dataclass
class Inbox:
    """`refused` are recipients it refuses; with `hang_up` it takes a message and says nothing.

    `accepted` is called with how many messages it has, before it says that it took the last one.
    """

    port: int
    received: list[EmailMessage] = field(default_factory=list)
    refused: frozenset[str] = frozenset()
    hang_up: bool = False
    accepted: Callable[[int], None] = lambda _: None

    @property
    def settings(self) -> SmtpSettings:
        return SmtpSettings("127.0.0.1", self.port, tls="none", sender="offers@example.org")

    @property
    def copies(self) -> Counter[str]:
        """How often each Message-ID came."""
        return Counter(message["Message-ID"] for message in self.received)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.received.append(message_from_bytes(envelope.content, EmailMessage, policy=SMTP))
        self.accepted(len(self.received))
        if self.hang_up:
            server.transport.abort()
        return "250 OK"


@contextmanager
def receiving() -> Iterator[Inbox]:
    """A running mail server on this machine."""
    inbox = Inbox(free_port())
    controller = Controller(inbox, hostname="127.0.0.1", port=inbox.port, ready_timeout=60)
    controller.start()
    try:
        yield inbox
    finally:
        controller.stop()
