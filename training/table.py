"""The training table: one row per score, and whose it is, so that no user is in two parts."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from training.history import Scored

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Table:
    """Inputs (rows, features), labels (rows,), and each row's user as a place in `entities`."""

    inputs: Floats
    labels: Integers
    users: Integers
    entities: tuple[str, ...]

    def where(self, chosen: Flags) -> Table:
        """The rows that are chosen; `entities` stays."""
        return replace(
            self,
            inputs=self.inputs[chosen],
            labels=self.labels[chosen],
            users=self.users[chosen],
        )

    def of_share(self, share: float, salt: str) -> Flags:
        """The rows of about `share` of the users, chosen by the hash of their name with `salt`."""
        chosen = np.array([_place(name, salt) < share for name in self.entities], dtype=np.bool_)
        rows: Flags = chosen[self.users]
        return rows

    def with_inputs(self, columns: Mapping[int, float], rows: Flags) -> Table:
        """A copy in which these columns hold one value each in these rows."""
        inputs = self.inputs.copy()
        for column, value in columns.items():
            inputs[rows, column] = value
        return replace(self, inputs=inputs)

    def count_users(self) -> int:
        """How many users have a row."""
        return len(np.unique(self.users))


def table(rows: Iterable[Scored], labels: Mapping[str, int], width: int) -> Table:
    """The table of `rows`, each of `width` inputs, from a world or from a log.

    `labels` is read after the last row was; a row whose user has none is left out.
    """
    values, users = array("d"), array("q")
    places: dict[str, int] = {}
    for row in rows:
        values.extend(row.values)
        users.append(places.setdefault(row.entity, len(places)))
    owners = np.array(users, dtype=np.int64)
    known = np.array([labels.get(name, -1) for name in places], dtype=np.int64)
    whole = Table(
        inputs=np.array(values, dtype=np.float64).reshape(-1, width),
        labels=known[owners],
        users=owners,
        entities=tuple(places),
    )
    return whole.where(whole.labels >= 0)


def _place(name: str, salt: str) -> float:
    """Where the hash of a name falls, from 0 to below 1."""
    digest = hashlib.sha256(f"{salt}:{name}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48
