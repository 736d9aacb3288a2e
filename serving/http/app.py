"""The entry point for a server: `uvicorn serving.http.app:app`, as in docs/operations.md."""

from __future__ import annotations

import os
import sys

from pipeline.logs import configure, log
from pipeline.setting_names import ignored_variables
from pipeline.settings import read_settings
from serving.http.service import create_app

# While tables are scored in threads, each request would wait for them several times this long.
sys.setswitchinterval(0.001)

_settings = read_settings(os.environ)
configure("http", _settings.log_level)
for _ignored in ignored_variables(os.environ):
    log.warning(_ignored)
app = create_app(_settings)
