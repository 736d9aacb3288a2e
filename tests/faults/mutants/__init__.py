"""Builds of the workers in which one promise is broken on purpose, and who notices it.

A mutant whose text is no longer found exactly once in the code is out of date, and fails.
"""
