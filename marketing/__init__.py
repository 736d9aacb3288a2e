"""Offers: a decision whenever somebody's score goes over the threshold, each no with its reason.

Reads `inferences`, and the table of contacts and flags. Writes `offers`, what it remembers of
somebody in Redis under a marker, and `rejected-events`. Promises one decision for each occasion,
and a yes for nobody who shows indicators of harm or of whom that cannot be read. Of an erased
entity it remembers nothing.
"""
