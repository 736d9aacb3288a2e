"""Windows: which events an aggregation takes in, and what it reads as of a moment."""

from pipeline.windows.family import FirstDay, Lifetime, Window
from pipeline.windows.kept import STATISTICS, WHOLE
from pipeline.windows.moments import Moments
from pipeline.windows.rolling import TILES, Rolling
from pipeline.windows.tiles import Tiles, Tiling

__all__ = [
    "STATISTICS",
    "TILES",
    "WHOLE",
    "FirstDay",
    "Lifetime",
    "Moments",
    "Rolling",
    "Tiles",
    "Tiling",
    "Window",
]
