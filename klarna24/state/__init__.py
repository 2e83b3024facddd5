"""What was done, kept in SQLite; one run at a time."""
