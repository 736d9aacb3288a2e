"""Which e-mails were begun, and what became of them: strings in Redis that go after a week.

By then an offer is long too old to be sent, so nothing is sent again for want of its entry. An
entry names no user.
"""

from __future__ import annotations

import secrets
from typing import Any

from pipeline.declaration import UseCase
from pipeline.store.client import Client, translated

BEGUN = b"begun"
_KEPT_SECONDS = 7 * 24 * 3600


class Ledger:
    """One entry for each offer, as one process reads and writes it.

    All calls raise InfrastructureError, and may be repeated after it.
    """

    def __init__(self, client: Client, case: UseCase) -> None:
        self._client = client
        self._prefix = f"{case.name}:mail"
        self._begun_here = BEGUN + b":" + secrets.token_hex(8).encode()

    async def read(self, partition: int, offer_id: str) -> bytes | None:
        """`BEGUN` where another process has begun, or the outcome; None where neither is noted."""
        entry = await self._entry(partition, offer_id)
        if entry == self._begun_here:
            return None
        return BEGUN if entry is not None and entry.startswith(BEGUN) else entry

    async def begin(self, partition: int, offer_id: str) -> bool:
        """Note that this process is going to send the e-mail; False where another one was first."""
        with translated("noting in the ledger of e-mails"):
            key = self._key(partition, offer_id)
            if await self._client.set(key, self._begun_here, nx=True, ex=_KEPT_SECONDS):
                return True
        # The answer to an earlier call may have been lost.
        return await self._entry(partition, offer_id) == self._begun_here

    async def settle(self, partition: int, offer_id: str, outcome: bytes) -> None:
        """Note what became of it."""
        with translated("noting in the ledger of e-mails"):
            await self._client.set(self._key(partition, offer_id), outcome, ex=_KEPT_SECONDS)

    async def _entry(self, partition: int, offer_id: str) -> bytes | None:
        with translated("reading the ledger of e-mails"):
            entry: Any = await self._client.get(self._key(partition, offer_id))
        return entry if entry is None or isinstance(entry, bytes) else str(entry).encode()

    def _key(self, partition: int, offer_id: str) -> str:
        return f"{self._prefix}:{{{partition}}}:{offer_id}"
