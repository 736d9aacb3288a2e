"""Which e-mails were begun, and what became of them: strings in Redis that go after a week.

By then an offer is long too old to be sent, so nothing is sent again for want of its entry.
"""

from __future__ import annotations

from typing import Any

from pipeline.declaration import UseCase
from pipeline.store.client import Client, translated

BEGUN = b"begun"
_KEPT_SECONDS = 7 * 24 * 3600


class Ledger:
    """One entry for each offer. All calls raise InfrastructureError."""

    def __init__(self, client: Client, case: UseCase) -> None:
        self._client = client
        self._prefix = f"{case.name}:mail"

    async def read(self, partition: int, offer_id: str) -> bytes | None:
        """`BEGUN`, or the outcome; None where nobody has begun."""
        with translated("reading the ledger of e-mails"):
            found: Any = await self._client.get(self._key(partition, offer_id))
        return found if found is None or isinstance(found, bytes) else str(found).encode()

    async def begin(self, partition: int, offer_id: str) -> bool:
        """Note that the e-mail is going to be sent; False where somebody has done so before."""
        with translated("noting in the ledger of e-mails"):
            key = self._key(partition, offer_id)
            return bool(await self._client.set(key, BEGUN, nx=True, ex=_KEPT_SECONDS))

    async def settle(self, partition: int, offer_id: str, outcome: bytes) -> None:
        """Note what became of it."""
        with translated("noting in the ledger of e-mails"):
            await self._client.set(self._key(partition, offer_id), outcome, ex=_KEPT_SECONDS)

    def _key(self, partition: int, offer_id: str) -> str:
        return f"{self._prefix}:{{{partition}}}:{offer_id}"
