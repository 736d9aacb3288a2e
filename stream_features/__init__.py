"""Online features: folds canonical events into one state per entity, and asks for scores.

Reads `incoming-events` and the lookup tables that its control records name. Writes Redis features
under a marker, `serving-features` (one record for each event that causes a score, and one for each
erased entity) and `rejected-events`. Promises that Redis equals the fold of the log up to the
marker, always.
"""
