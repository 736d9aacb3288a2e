"""The fold run again over what was logged of a partition, without outputs. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pipeline.control import Control, Erase
from pipeline.declaration import UseCase
from pipeline.events import Event
from pipeline.fold import Fold, LookupKey, Outcome, Tables
from pipeline.state import EntityState

TableOf = Callable[[str, str], Mapping[LookupKey, float]]
"""The table of a lookup's version."""


@dataclass(slots=True)
class Refold:
    """States and lookups in force, as the feature stage has them after the same records.

    Raises what `table_of` raises for a lookup table that cannot be found.
    """

    case: UseCase
    table_of: TableOf
    lookups: dict[str, str] = field(default_factory=dict)
    states: dict[str, EntityState] = field(default_factory=dict)
    fold: Fold = field(init=False)
    _tables: Tables = field(init=False)

    def __post_init__(self) -> None:
        self.fold = Fold(self.case)
        self._look_up()

    def event(self, event: Event) -> Outcome:
        """Fold one event into its entity's state."""
        state = self.states.get(event.entity)
        if state is None:
            state = self.states[event.entity] = self.fold.empty()
        return self.fold.apply(state, event, self._tables)

    def control(self, control: Control) -> None:
        """Erase an entity, or put a lookup that the case declares in force."""
        if isinstance(control, Erase):
            self.states.pop(control.entity, None)
        elif control.lookup in {one.name for one in self.case.lookups}:
            self.lookups[control.lookup] = control.version
            self._look_up()

    def _look_up(self) -> None:
        self._tables = {
            name: self.table_of(name, version) for name, version in self.lookups.items()
        }
