"""Certificates for rich notifications, and the cipher for secrets at rest."""
