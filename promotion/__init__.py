"""Which version serves: judged before it does, tried beside the champion, put in force, taken back.

Reads models, datasets and the log of inferences. Writes `models/<use case>/aliases.json` and a
record of each decision. Promises that no alias changes without a record of why.
"""
