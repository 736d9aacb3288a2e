"""The end of a worker's process takes seconds, whatever hangs."""

from __future__ import annotations

import os
import threading
import time

from pipeline.exit_codes import ExitCode
from pipeline.logs import log


def leave_within(seconds: float, status: ExitCode) -> None:
    """End the process with `status` unless it has ended by itself by then.

    What is cut off is what a kill would cut off: it is read again, and nothing is lost.
    """
    threading.Thread(target=_leave, args=(seconds, status), name="leave", daemon=True).start()


def _leave(seconds: float, status: ExitCode) -> None:
    time.sleep(seconds)
    log.warning("ended without waiting for what hangs", status=int(status))
    os._exit(status)
