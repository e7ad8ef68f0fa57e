"""How it goes: whether Graph still has what we think, and whether it reaches us."""
