"""How it goes: what probes, Prometheus and alerts look at, and when nobody was here."""
