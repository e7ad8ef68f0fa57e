"""What is let go: by age, and content that somebody wants erased."""
