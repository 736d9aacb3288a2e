"""The `pipeline` command: starts, feeds, watches and asks the pipeline; nothing imports it.

Reads and writes through the same topics, Redis keys and files as the workers. One module per
command under `commands/`; what several commands need lies beside it.
"""
