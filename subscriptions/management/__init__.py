"""Command-line interface of subscriptions."""
