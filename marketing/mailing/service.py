"""Puts the sender together out of the settings."""

from __future__ import annotations

from pathlib import Path

from marketing.mailing.ledger import Ledger
from marketing.mailing.letter import Letter
from marketing.mailing.postman import Postman
from marketing.mailing.smtp import MailServer
from pipeline.errors import SettingsError
from pipeline.kafka.outputs import Outputs
from pipeline.offers.contacts import ContactsFile
from pipeline.process import Process
from pipeline.store.client import Client


def postman_of(process: Process, client: Client, outputs: Outputs) -> Postman:
    """Who sends the e-mails of this process. Raises Refusal for what is unset or no good."""
    settings, case = process.settings, process.case
    offers = settings.offers
    smtp = offers.smtp
    _refuse_unset(SMTP_HOST=smtp.host, SMTP_FROM=smtp.sender, OFFERS_LETTER=offers.letter)
    return Postman(
        case=case,
        outputs=outputs,
        ledger=Ledger(client, case),
        server=MailServer(smtp),
        letter=Letter.read(Path(offers.letter), smtp.sender),
        contacts=ContactsFile(settings.lookups_dir, case.name, case.entity),
        policy=offers.policy,
        minutes=offers.minutes,
        clock=process.clock,
        faults=process.faults,
        is_stopping=lambda: bool(process.stopping),
        alive=process.health.worked,
    )


def _refuse_unset(**needed: str) -> None:
    for name, value in needed.items():
        if not value:
            raise SettingsError(f"PIPELINE_{name} is not set", "Sending e-mails needs it")
