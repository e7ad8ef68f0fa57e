"""Use cases: accept, process, handle, export."""
