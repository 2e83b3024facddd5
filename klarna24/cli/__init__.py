"""The command line: one module for each command; main.py has the group."""
