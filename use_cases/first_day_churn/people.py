"""Names, addresses and campaigns, invented once with Faker and kept in `people.json`.

They are kept because another version of Faker invents other names, and a seed promises the same
bytes everywhere. `python -m use_cases.first_day_churn.people` invents them anew.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("people.json")
_LOCALES = ("en_US", "de_DE", "fr_FR", "it_IT", "es_ES")  # countries with postcodes of five digits
_EACH = 100  # names and places per locale
_CAMPAIGNS = 40
_SEED = 1


@dataclass(frozen=True, slots=True)
class People:
    """Pools to draw from; a place is (street address, city, country)."""

    names: tuple[str, ...]
    places: tuple[tuple[str, str, str], ...]
    campaigns: tuple[str, ...]
    affiliates: tuple[str, ...]


@cache
def people() -> People:
    """The pools as they are kept. Reads a file the first time."""
    kept = json.loads(_FILE.read_text(encoding="utf-8"))
    return People(
        names=tuple(kept["names"]),
        places=tuple((street, city, country) for street, city, country in kept["places"]),
        campaigns=tuple(kept["campaigns"]),
        affiliates=tuple(kept["affiliates"]),
    )


def _invent() -> People:
    from faker import Faker  # noqa: PLC0415 - needed only here, to invent the pools anew

    fakers = [Faker(locale) for locale in _LOCALES]
    for faker in fakers:
        faker.seed_instance(_SEED)
    first = fakers[0]
    return People(
        names=tuple(faker.name() for faker in fakers for _ in range(_EACH)),
        places=tuple(
            (faker.street_address().strip(), faker.city(), faker.current_country())
            for faker in fakers
            for _ in range(_EACH)
        ),
        campaigns=tuple(first.catch_phrase() for _ in range(_CAMPAIGNS)),
        affiliates=tuple(f"https://{first.domain_word()}.example/join" for _ in range(_CAMPAIGNS)),
    )


if __name__ == "__main__":
    invented = json.dumps(asdict(_invent()), ensure_ascii=False, indent=0)
    _FILE.write_text(invented + "\n", encoding="utf-8")
