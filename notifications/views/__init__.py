"""What Graph, probes and Prometheus call."""
