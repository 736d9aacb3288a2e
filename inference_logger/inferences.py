"""Inferences, as `serving` writes them, as columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson
import pyarrow as pa

from inference_logger.decode import Columns
from inference_logger.split import Document, Fields, Misfit, converter, count, split, texts
from inference_logger.structs import PYTHON_TYPES, Struct, array, build, make, transpose
from pipeline.declaration import UseCase
from pipeline.parquet.format import feature_fields, inference_fields

_NESTED = ("features", "lookups")


@dataclass(frozen=True, slots=True)
class InferenceShape:
    """A Shape (see `decode`): features and lookup versions come as objects of their own."""

    typed: Mapping[str, pa.DataType]
    features: Mapping[str, pa.DataType]
    struct: type[Struct]
    features_struct: type[Struct]
    nothing: Struct
    decode: Callable[[bytes], Struct]
    fields: Fields
    required: frozenset[str]

    @classmethod
    def of(cls, case: UseCase) -> InferenceShape:
        """The shape of this case's inferences."""
        features = {one.name: one.type for one in feature_fields(case)}
        typed = {one.name: one.type for one in inference_fields(case) if one.name not in features}
        required = ("id", "scored_at", case.entity, "probability")
        features_struct = make("features", {}, dict.fromkeys(features, float))
        flat = {name: PYTHON_TYPES[kind] for name, kind in typed.items() if name not in _NESTED}
        optional = {name: kind for name, kind in flat.items() if name not in required}
        nested: dict[str, Any] = {"features": features_struct, "lookups": dict[str, str]}
        struct = make("inference", {name: flat[name] for name in required}, {**optional, **nested})
        return cls(
            typed=typed,
            features=features,
            struct=struct,
            features_struct=features_struct,
            nothing=build(struct, dict.fromkeys(required)),
            decode=msgspec.json.Decoder(struct).decode,
            fields={
                **{name: converter(kind) for name, kind in typed.items()},
                "features": {
                    name: count if kind == pa.int64() else converter(kind)
                    for name, kind in features.items()
                },
                "lookups": texts,
            },
            required=frozenset(required),
        )

    def split(self, document: Document) -> tuple[Struct, Document]:
        """The inference; the rest are unknown fields, also those of the nested objects."""
        known, extra = split(self.fields, document)
        if not self.required <= known.keys():
            raise Misfit
        if "features" in known:
            known["features"] = build(self.features_struct, known["features"])
        return build(self.struct, known), extra

    def columns(self, structs: Sequence[Struct]) -> Columns:
        """One column for each feature, `lookups` as JSON text. Raises pa.ArrowInvalid."""
        values = transpose(self.struct, structs)
        nothing = self.features_struct()
        features = transpose(self.features_struct, [one or nothing for one in values["features"]])
        return {
            **{
                name: array(values[name], kind)
                for name, kind in self.typed.items()
                if name not in _NESTED
            },
            **{
                name: _whole(features[name]) if kind == pa.int64() else array(features[name], kind)
                for name, kind in self.features.items()
            },
            "lookups": pa.array(_json_texts(values["lookups"]), pa.string()),
        }


def _whole(counts: Sequence[float | None]) -> pa.Array:
    return pa.array(counts, pa.float64()).cast(pa.int64())


def _json_texts(objects: Iterable[Mapping[str, str] | None]) -> list[str | None]:
    """Each as JSON text. Versions seldom change, so one is most often equal to the one before."""
    found: list[str | None] = []
    last: Mapping[str, str] | None = None
    text: str | None = None
    for one in objects:
        if one != last:
            last, text = one, None if one is None else orjson.dumps(one).decode()
        found.append(text)
    return found
