"""The training table: one row per score, and whose it is, so that no user is in two parts."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from pipeline.shares import place_of
from training.history import Scored

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Table:
    """Inputs (rows, features), labels (rows,), and each row's user as a place in `entities`.

    A user's rows are in the order of their scores. `beside` holds further values of each row
    (rows,): for reports, never for a model.
    """

    inputs: Floats
    labels: Integers
    users: Integers
    entities: tuple[str, ...]
    beside: Mapping[str, Floats] = field(default_factory=dict)

    def where(self, chosen: Flags) -> Table:
        """The rows that are chosen; `entities` stays."""
        return replace(
            self,
            inputs=self.inputs[chosen],
            labels=self.labels[chosen],
            users=self.users[chosen],
            beside={name: values[chosen] for name, values in self.beside.items()},
        )

    def of_share(self, share: float, salt: str) -> Flags:
        """The rows of about `share` of the users, chosen by the hash of their name with `salt`."""
        rows: Flags = self._places(salt) < share
        return rows

    def folds(self, count: int, salt: str) -> Integers:
        """Each row's fold, from 0 to below `count`: all rows of a user are in the same one."""
        return np.floor(self._places(salt) * count).astype(np.int64)

    def with_inputs(self, columns: Mapping[int, float], rows: Flags) -> Table:
        """A copy in which these columns hold one value each in these rows."""
        inputs = self.inputs.copy()
        for column, value in columns.items():
            inputs[rows, column] = value
        return replace(self, inputs=inputs)

    def count_users(self) -> int:
        """How many users have a row."""
        return len(np.unique(self.users))

    def _places(self, salt: str) -> Floats:
        places = np.array([place_of(name, salt) for name in self.entities], dtype=np.float64)
        rows: Floats = places[self.users]
        return rows


def table(
    rows: Iterable[Scored],
    labels: Mapping[str, int],
    width: int,
    beside: Mapping[str, Callable[[str], float]] | None = None,
) -> Table:
    """The table of `rows`, each of `width` inputs, from a world or from a log.

    `labels` is read after the last row was; a row whose user has none is left out. What stands
    `beside` a row is asked for its entity at the moment the row comes.
    """
    values, users = array("d"), array("q")
    further = {name: (ask, array("d")) for name, ask in (beside or {}).items()}
    places: dict[str, int] = {}
    for row in rows:
        values.extend(row.values)
        users.append(places.setdefault(row.entity, len(places)))
        for ask, told in further.values():
            told.append(ask(row.entity))
    owners = np.array(users, dtype=np.int64)
    known = np.array([labels.get(name, -1) for name in places], dtype=np.int64)
    whole = Table(
        inputs=np.array(values, dtype=np.float64).reshape(-1, width),
        labels=known[owners],
        users=owners,
        entities=tuple(places),
        beside={name: np.array(told) for name, (_, told) in further.items()},
    )
    return whole.where(whole.labels >= 0)
