"""Klarna's Settlements API; the only package that talks to it."""
