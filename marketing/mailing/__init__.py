"""Writes to whoever gets an offer: at most one e-mail for each yes.

Reads `offers`, and the table of contacts and flags, which is asked again. Writes `offer-mails`, a
ledger in Redis, and e-mail over SMTP. Promises that nobody is written to twice for one decision,
and that nobody is who must not be by what the table says at that moment.
"""
