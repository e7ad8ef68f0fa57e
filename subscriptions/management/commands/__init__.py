"""One module for each command of subscriptions."""
