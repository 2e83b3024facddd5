"""What both vendors' clients need of HTTP: a session, an exchange that has an end, the server's time, a pace."""
