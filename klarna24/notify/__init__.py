"""Mail and heartbeats for people who are not at the terminal."""
