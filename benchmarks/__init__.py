"""Measures klarna24's time and memory beside a bare script that does the same: ``python -m benchmarks``."""
