"""Text that comes in and text that goes out.

``clean`` makes text from outside fit for one line. The rest makes sentences for people, in their language: gettext,
with the English sentence as its own key.

``sentence("payout {reference} is blocked", reference="XISA93DJ")`` is a str, in English, that can be said again in Swedish
or Norwegian: ``translated(said, "sv")``. Codes, JSON, events and logs take it for the English str that it is.
"""

import gettext
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

Language = Literal["sv", "nb", "en"]
LOCALE = Path(__file__).parent / "locale"  # NAME.po is what people edit, NAME.mo what gettext reads


def clean(text: str | None) -> str:
    """Fit for one line: without control, format and separator characters, without outer blanks."""
    if text and text.isprintable():  # nearly all there is, and a tenth of the time
        return text.strip()
    return "".join(character for character in text or "" if character.isprintable()).strip()


class Sentence(str):
    """``template`` is the key in the catalogues; ``values``, which may be Sentence too, go into its ``{places}``."""

    template: str
    values: dict[str, str | int]

    def __new__(cls, template: str, values: dict[str, str | int]) -> Self:
        said = super().__new__(cls, template.format(**values))
        said.template, said.values = template, values
        return said

    def __getnewargs__(self) -> tuple[str, dict[str, str | int]]:  # type: ignore[override]  # a copy is made of these
        return self.template, self.values

    def with_values(self, **values: str | int) -> "Sentence":
        """The same sentence with other values in the places that it has, and that the sentences in it have."""
        here = {
            name: values.get(name, it.with_values(**values) if isinstance(it, Sentence) else it)
            for name, it in self.values.items()
        }
        return Sentence(self.template, here)


def sentence(template: str, /, **values: str | int) -> Sentence:
    """``template`` is a literal, so that the extraction of messages finds it."""
    return Sentence(template, values)


def joined(separator: str, parts: Iterable[str]) -> Sentence:
    """Sentences in a row, each of which keeps its translation."""
    values: dict[str, str | int] = {f"part{number}": part for number, part in enumerate(parts)}
    return Sentence(separator.join(f"{{{name}}}" for name in values), values)


def translated(text: str, language: str) -> str:
    """A plain str is nobody's sentence of ours (what a server said, a name), and stays as it is."""
    if not isinstance(text, Sentence) or language == "en":
        return str(text)
    values = {name: translated(it, language) if isinstance(it, str) else it for name, it in text.values.items()}
    template = _catalogue(language).gettext(text.template) if text.template else ""  # "" is the catalogue's head
    return template.format(**values)


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation("klarna24", LOCALE, [language], fallback=True)  # English rather than nothing


def to_json(text: str) -> Any:
    """What :func:`from_json` makes the same text of, to be kept."""
    if not isinstance(text, Sentence):
        return str(text)
    return [text.template, {name: to_json(it) if isinstance(it, str) else it for name, it in text.values.items()}]


def from_json(kept: Any) -> str:
    match kept:
        case [str() as template, dict() as values]:
            return Sentence(
                template, {name: it if isinstance(it, int) else from_json(it) for name, it in values.items()}
            )
    return str(kept)


def to_stored(message: str, hint: str) -> str:
    """Both, as :func:`from_stored` makes them again from what is kept."""
    return json.dumps([to_json(message), to_json(hint)], ensure_ascii=False)


def from_stored(kept: str) -> tuple[str, str]:
    message, hint = map(from_json, json.loads(kept))
    return message, hint
