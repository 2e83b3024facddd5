"""Text from outside, at the door."""


def clean(text: str | None) -> str:
    """Fit for one line: without control, format and separator characters, without outer blanks."""
    if text and text.isprintable():  # nearly all there is, and a tenth of the time
        return text.strip()
    return "".join(character for character in text or "" if character.isprintable()).strip()
