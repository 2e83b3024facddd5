"""The usual time zone and language of a country; its usual accounts are in bookkeeping/usual_accounts.py."""

ZONES = {"SE": "Europe/Stockholm", "NO": "Europe/Oslo"}
LANGUAGES = {"SE": "sv", "NO": "nb"}
