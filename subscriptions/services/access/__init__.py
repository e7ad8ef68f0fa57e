"""Who we are to Graph and to Entra: app registrations, signed-in accounts, credentials, tokens."""
