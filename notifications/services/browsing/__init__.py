"""Browsing: what a list of notifications can be narrowed to, searched by and paged through, however long it is."""
