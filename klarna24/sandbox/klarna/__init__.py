"""Klarna's Settlements API, simulated."""
