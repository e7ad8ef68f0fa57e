"""What Graph tells us: receive, prove, store, open, act on and browse change notifications."""
