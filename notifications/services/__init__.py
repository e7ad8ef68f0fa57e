"""Use cases: accept, process, replay, handle, export."""
