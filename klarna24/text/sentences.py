"""Sentences that are English for programs and are translated for people.

``sentence("payout {reference} is blocked", reference="XISA93DJ")`` is an English str, which JSON, events and logs
use as it is. It keeps its template and values, so that ``translated(it, "sv")`` returns it in Swedish: by gettext,
with the English template as the key in the catalogues.
"""

import gettext
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

Language = Literal["sv", "nb", "en"]
LOCALE = Path(__file__).parent / "locale"  # people edit the .po files, gettext reads the .mo files


class Sentence(str):
    """An English sentence. ``template`` is its key in the catalogues; ``values`` are what stands in the template's
    ``{places}``, and may be sentences themselves."""

    template: str
    values: dict[str, str | int]

    def __new__(cls, template: str, values: dict[str, str | int]) -> Self:
        made = super().__new__(cls, template.format(**values))
        made.template, made.values = template, values
        return made

    def __getnewargs__(self) -> tuple[str, dict[str, str | int]]:  # type: ignore[override]  # str's has one value
        return self.template, self.values

    def with_values(self, **values: str | int) -> "Sentence":
        """The sentence with other values in the places of these names, also in the sentences within."""
        changed = {
            name: values.get(name, it.with_values(**values) if isinstance(it, Sentence) else it)
            for name, it in self.values.items()
        }
        return Sentence(self.template, changed)


def sentence(template: str, /, **values: str | int) -> Sentence:
    """The sentence with these values in its places. ``template`` must be a literal, so that pybabel finds it."""
    return Sentence(template, values)


def joined(separator: str, parts: Iterable[str]) -> Sentence:
    """One sentence made of several, each of which is translated by itself."""
    values: dict[str, str | int] = {f"part{number}": part for number, part in enumerate(parts)}
    return Sentence(separator.join(f"{{{name}}}" for name in values), values)


def translated(text: str, language: str) -> str:
    """The sentence in the language. A str that is not a Sentence (a name, a server's text) is unchanged."""
    if not isinstance(text, Sentence) or language == "en":
        return str(text)
    values = {name: translated(it, language) if isinstance(it, str) else it for name, it in text.values.items()}
    template = (
        _catalogue(language).gettext(text.template) if text.template else ""
    )  # "" is the key of the catalogue's header
    return template.format(**values)


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation(
        "klarna24", LOCALE, [language], fallback=True
    )  # English where there is no catalogue


def to_json(text: str) -> Any:
    """The text as JSON values, of which :func:`from_json` makes an equal text."""
    if not isinstance(text, Sentence):
        return str(text)
    return [text.template, {name: to_json(it) if isinstance(it, str) else it for name, it in text.values.items()}]


def from_json(stored: Any) -> str:
    """The text, as a Sentence if it was one."""
    match stored:
        case [str() as template, dict() as values]:
            return Sentence(
                template, {name: it if isinstance(it, int) else from_json(it) for name, it in values.items()}
            )
    return str(stored)


def to_stored(message: str, hint: str) -> str:
    """A message and its hint as one text for the state."""
    return json.dumps([to_json(message), to_json(hint)], ensure_ascii=False)


def from_stored(stored: str) -> tuple[str, str]:
    """The message and the hint of which :func:`to_stored` made the text."""
    message, hint = map(from_json, json.loads(stored))
    return message, hint
