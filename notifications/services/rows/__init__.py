"""What each change of rows brings along: counts, places in the feed, signals; and how PostgreSQL gets many at once."""
