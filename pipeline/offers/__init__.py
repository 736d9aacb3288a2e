"""Who gets an offer: the rules, and the table of contacts and flags that they ask. No client."""
