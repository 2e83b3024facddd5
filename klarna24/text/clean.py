"""Cleans text that comes from outside."""

import re

# Letters, marks and signs that show nothing, with which one name can look like another: Hangul fillers, the blank
# of Braille, a joiner, Khmer vowels and variation selectors. Python calls them printable.
INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def clean(text: str | None) -> str:
    """The text on one line, in the order in which it is written, with nothing in it that does not show: without
    control, format (as those that turn its direction), separator and invisible characters, and outer blanks."""
    if not text:
        return ""
    if not text.isprintable():  # hardly ever, and ten times as slow
        text = "".join(filter(str.isprintable, text))
    return INVISIBLE.sub("", text).strip()
