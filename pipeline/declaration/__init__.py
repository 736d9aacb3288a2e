"""What a business case declares, and what follows from it without another line of code."""

from pipeline.declaration.fields import Field, Integer, Number, Text
from pipeline.declaration.silence import Silence
from pipeline.declaration.use_case import (
    Aggregation,
    EventType,
    Lookup,
    ModelInputs,
    UseCase,
)

__all__ = [
    "Aggregation",
    "EventType",
    "Field",
    "Integer",
    "Lookup",
    "ModelInputs",
    "Number",
    "Silence",
    "Text",
    "UseCase",
]
