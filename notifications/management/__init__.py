"""Command-line interface of notifications."""
