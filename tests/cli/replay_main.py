"""`pipeline rejected replay --send` on a case of a test's own: `replay_main PREFIX OPTIONS`."""

from __future__ import annotations

import sys
from dataclasses import replace

import use_cases
from cli.app import app
from use_cases.first_day_churn import USE_CASE

if __name__ == "__main__":
    prefix, *arguments = sys.argv[1:]
    own = replace(USE_CASE, name=prefix.strip("-"), topic_prefix=prefix)
    use_cases.load = lambda name: own  # noqa: ARG005 - it stands for `load`
    app(["rejected", "replay", "--send", *arguments], prog_name="pipeline")
