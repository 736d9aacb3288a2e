"""How properties are tried: no deadlines, because the machine may be busy with a broker."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

PROPERTY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(PROPERTY, max_examples=300)
FEW = settings(PROPERTY, max_examples=25)
