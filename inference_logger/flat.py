"""Records with nothing but typed fields, as columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import pyarrow as pa

from inference_logger.decode import Columns
from inference_logger.split import Document, Fields, Misfit, converter, split
from inference_logger.structs import PYTHON_TYPES, Struct, array, build, make, transpose


@dataclass(frozen=True, slots=True)
class FlatShape:
    """A Shape (see `decode`): a column for each field."""

    typed: Mapping[str, pa.DataType]
    struct: type[Struct]
    nothing: Struct
    decode: Callable[[bytes], Struct]
    fields: Fields
    required: frozenset[str]

    @classmethod
    def of(cls, columns: Sequence[pa.Field], required: Sequence[str]) -> FlatShape:
        """The shape of records that have these columns, the required ones always."""
        typed = {one.name: one.type for one in columns}
        python = {name: PYTHON_TYPES[kind] for name, kind in typed.items()}
        optional = {name: kind for name, kind in python.items() if name not in required}
        struct = make("flat", {name: python[name] for name in required}, optional)
        return cls(
            typed=typed,
            struct=struct,
            nothing=build(struct, dict.fromkeys(required)),
            decode=msgspec.json.Decoder(struct).decode,
            fields={name: converter(kind) for name, kind in typed.items()},
            required=frozenset(required),
        )

    def split(self, document: Document) -> tuple[Struct, Document]:
        """The record; the rest are unknown fields."""
        known, extra = split(self.fields, document)
        if not self.required <= known.keys():
            raise Misfit
        return build(self.struct, known), extra

    def columns(self, structs: Sequence[Struct]) -> Columns:
        """A typed column for each field. Raises pa.ArrowInvalid."""
        values = transpose(self.struct, structs)
        return {name: array(values[name], kind) for name, kind in self.typed.items()}
