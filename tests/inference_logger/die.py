"""Logs 35 bets in files of ten rows and dies at a fault point: `die.py DIRECTORY FAULTS`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from pipeline.settings import LoggerSettings
from tests.inference_logger.rig import Rig, bets

if __name__ == "__main__":
    rig = Rig.on(
        Path(sys.argv[1]),
        {0: bets(35)},
        most=10,
        limits=LoggerSettings(rows=10),
        faults=sys.argv[2],
    )
    asyncio.run(rig.run())
