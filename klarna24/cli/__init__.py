"""The command line: one module per command; main.py has the group."""
