"""Scores on request over HTTP, by the models and the scoring code of the stream.

Reads the features in Redis and the models' folders; writes events to the source topic. Promises
that each route has one rule of who may ask it; a wrong request is told by field and reason.
"""
