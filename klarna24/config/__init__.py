"""profiles.toml: read and validated as a whole; where it, the state and the secrets are."""
