"""Logging to stderr and to a file, with secrets taken out."""
