"""The fault suite: the promises of the pipeline under real failures. `make faults` runs it.

Each row of its table is one module in `rows/`, `row_NN_name.py`, with one `ROW = Row(number, fault,
play)`. `play(arena)` injects the fault while a source sends, and returns its `Findings`: how often
the fault was to be injected and was, each promise as a `Verdict`, and the slowest recovery. What it
raises fails the row. A row in its usual shape:

    def play(arena: Arena) -> Findings:
        with arena.running({"serving": 2}) as crew, arena.load(malformed=0.01) as source:
            arena.until(lambda: source.sent > 500, 30, "the source")
            crew.kill("serving-1")                         # or terminate, freeze, thaw
            took = arena.until(lambda: crew.is_consuming("serving-1"), 30, "consuming again")
            recovered = arena.finish()                     # I7: the source's end, then no lag
            verdicts = (*arena.check(I1, I2), recovered, arena.within("consuming", [took], 4.0))
            return Findings(wanted=1, injected=crew.deaths()["serving-1"], verdicts=verdicts,
                            recovery=took)

- `arena` is a use case of the row's own (topics, groups, keys, directories). Wait with its `until`
  and `pass_time` only: they look after the workers. `arena.pipeline("status")` runs the command.
  `arena.settings`, `.topics`, `.case`, `.environ`, `.directory` are what they say.
- `arena.crew` are the workers, `stage-1`, `stage-2`; who dies is started again at once.
  `crew.sum(metric, instance, label=...)` reads their metrics, `crew.set(instance, FAULTS=...)`
  changes the environment of the next start.
- `arena.servers.kafka` and `.redis` can `kill`, `stop`, `freeze`, `thaw` and `start` (same port,
  same files); Redis can `copy` its append-only file and `put_back` the copy. `Row(spoils=True)`
  says that no other row may use them afterwards.
- `arena.scale.pick(full, short)` makes a row short under `--short`.
- `invariants.py` has I1 to I6; they look at `arena.evidence()`, where `earlier=` brings records
  that Kafka has deleted since. What else a source sends that is to be rejected belongs in
  `arena.malformed.values`.
- `oracle.py` is the reducer that everything is compared with: it knows the declaration only.
"""
