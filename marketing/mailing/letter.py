"""The e-mail that is sent: a file of the user's, with what is each one's own put in."""

from __future__ import annotations

import email
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from pipeline.errors import Refusal
from pipeline.times import EPOCH

_OURS = ("To", "Cc", "Bcc", "From", "Date", "Message-ID")


@dataclass(frozen=True, slots=True)
class Letter:
    """A message without a recipient, and whom it is from."""

    template: EmailMessage
    sender: str

    @classmethod
    def read(cls, path: Path, sender: str) -> Letter:
        """The letter in a file: `Subject: ...` and other headers, an empty line, a text.

        Raises Refusal for one that has no subject or text, or says whom it goes to.
        """
        try:
            template = email.message_from_bytes(path.read_bytes(), EmailMessage, policy=SMTP)
            text = template.get_content() if template["Subject"] else ""
        except (OSError, MessageError, KeyError, ValueError) as error:
            raise Refusal(f"the letter {path} cannot be read", "Write it anew") from error
        if not text.strip():
            raise Refusal(f"the letter {path} has no subject or no text", "Write both into it")
        given = [name for name in _OURS if name in template]
        if given:
            raise Refusal(f"the letter {path} has the header {given[0]}", "Take it out")
        return cls(template, sender)

    def to(self, address: str, offer_id: str, now: int) -> EmailMessage:
        """What is sent for an offer; its Message-ID follows from the offer's id."""
        message = deepcopy(self.template)
        message["From"], message["To"] = self.sender, address
        message["Date"] = format_datetime(EPOCH + timedelta(microseconds=now))
        message["Message-ID"] = message_id(offer_id, self.sender)
        return message


def message_id(offer_id: str, sender: str) -> str:
    """The same for the same offer, whoever sends it and however often."""
    return f"<offer.{offer_id.replace('/', '.')}@{sender.rpartition('@')[2]}>"
