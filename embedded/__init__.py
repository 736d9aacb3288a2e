"""A real Kafka and a real Redis on this machine, without Docker and with nothing installed by hand.

`install.install()` brings the software into a cache, `stack.Stack` runs it under one run directory,
and nothing that it starts outlives the process that started it (`tether.tethered`).
"""
