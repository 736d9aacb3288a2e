"""Asks a service whether it lives, again and again: `python -m tests.serving.http.neighbour PORT`.

Each time on a new connection. Once its input ends it prints one line of JSON: how often it was
answered, how often it was not, and the longest time that it had to wait, in seconds.
"""

from __future__ import annotations

import http.client
import json
import select
import sys
import time

PAUSE_SECONDS = 0.02
PATIENCE_SECONDS = 5.0


def is_answered(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", "/v2/health/live")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(port: int) -> None:
    answered, missed, longest = 0, 0, 0.0
    while not select.select([sys.stdin], [], [], PAUSE_SECONDS)[0]:
        began = time.monotonic()
        if is_answered(port):
            answered += 1
        else:
            missed += 1
        longest = max(longest, time.monotonic() - began)
    json.dump({"answered": answered, "missed": missed, "longest": longest}, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]))
