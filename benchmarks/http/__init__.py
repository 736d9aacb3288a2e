"""The service over HTTP beside a Flask and scikit-learn server of the usual kind.

One server at a time, of one process, asked over 16 connections by a process of its own.
"""
