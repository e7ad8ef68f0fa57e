"""Explains at start-up what cannot work."""
