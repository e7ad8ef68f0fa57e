"""Legal holds: which rows they keep, asked by all that deletes."""
