"""The read API for other tools: subscriptions."""
