"""Klarna's Settlements API; no other package talks to it."""
