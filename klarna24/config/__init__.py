"""profiles.toml, read and validated as a whole; and where it, the state and the secrets are."""
