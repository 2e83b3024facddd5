"""Text for people: cleaned, and in their language."""
