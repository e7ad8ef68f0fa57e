"""The read API for other tools: notifications as a feed, and how things stand."""
