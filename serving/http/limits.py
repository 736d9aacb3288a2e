"""How much one caller may ask for: token buckets. Pure; the time is an argument."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

_MOST_CALLERS = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class TokenBuckets:
    """One bucket for each caller: `rate` tokens a second flow in, and it holds twice as many.

    The 10,000 callers last seen are remembered; whoever is forgotten begins with a full bucket.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._holds = max(1.0, 2 * rate)
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, caller: str, now: float) -> float:
        """Take a token at `now` (seconds); returns 0, or the seconds until there will be one."""
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._buckets[caller] = _Bucket(self._holds, now)
            if len(self._buckets) > _MOST_CALLERS:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(caller)
        flowed = max(0.0, now - bucket.at) * self._rate
        bucket.tokens, bucket.at = min(self._holds, bucket.tokens + flowed), now
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / self._rate
        bucket.tokens -= 1
        return 0.0
