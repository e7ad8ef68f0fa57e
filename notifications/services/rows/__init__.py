"""Rows to be, and what each change of rows brings along: counts, places in the feed, signals.

`binding` is how PostgreSQL gets and gives many at once.
"""
