"""One module for each command of notifications."""
