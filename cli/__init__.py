"""The `pipeline` command: starts, feeds, watches and asks the pipeline; nothing imports it.

Reads and writes through the same topics, Redis keys and files as the workers. One module per
command under `commands/`. What they call lies beside it: `stack/` runs servers and workers,
`records/` reads, shows and replays, `state/` tells how far all is; `demo/`, `selfcheck/` and
`offers/` serve the commands of their names.
"""
