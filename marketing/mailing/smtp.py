"""The edge to the mail server: one connection, made again whenever it is lost."""

from __future__ import annotations

import contextlib
from email.message import EmailMessage

import aiosmtplib

from marketing.mailing.outcome import Fate, Outcome
from pipeline.errors import InfrastructureError, Need, Refusal
from pipeline.settings import SmtpSettings

_SECONDS = 10.0


class MailServer:
    """Sends messages, one after the other."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._client = self._new()

    async def ready(self) -> None:
        """Return once the server answers. Raises InfrastructureError, and Refusal at a login."""
        if self._client.is_connected:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await self._client.noop()
                return
        self._client.close()
        self._client = self._new()
        try:
            await self._client.connect()
        except aiosmtplib.SMTPAuthenticationError as error:
            raise Refusal(
                "the mail server refuses our login",
                "Set PIPELINE_SMTP_USERNAME and PIPELINE_SMTP_PASSWORD to what it knows",
            ) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise InfrastructureError(
                f"the mail server {self._settings.host} does not answer: {type(error).__name__}",
                Need.MAIL,
            ) from error

    async def send(self, message: EmailMessage) -> Outcome:
        """What became of it; unknown where the connection was lost before the server said."""
        try:
            await self._client.send_message(message)
        except aiosmtplib.SMTPRecipientsRefused as error:
            return Outcome(Fate.REFUSED, str(error.recipients[0].code))
        except aiosmtplib.SMTPResponseException as error:
            return Outcome(Fate.REFUSED, str(error.code))
        except (aiosmtplib.SMTPException, OSError):
            self._client.close()
            return Outcome(Fate.UNKNOWN, "connection_lost")
        return Outcome(Fate.SENT)

    async def close(self) -> None:
        """Say goodbye, if the server listens."""
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            await self._client.quit()
        self._client.close()

    def _new(self) -> aiosmtplib.SMTP:
        one = self._settings
        return aiosmtplib.SMTP(
            hostname=one.host,
            port=one.port,
            use_tls=one.tls == "tls",
            start_tls=one.tls == "starttls",
            username=one.username or None,
            password=one.password.value or None,
            timeout=_SECONDS,
        )
