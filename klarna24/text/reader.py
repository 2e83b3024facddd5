"""Words, numbers and dates as the readers of a language write them: 162 316,50 in Swedish."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Self

from klarna24.text.clean import clean
from klarna24.text.sentences import Language, Sentence, sentence, translated

SPACE = "\u00a0"  # does not break: a number stays on one line
_MARKS = {"en": (",", ".", "-"), "sv": (SPACE, ",", "\u2212"), "nb": (SPACE, ",", "\u2212")}
_MONTHS = (
    sentence("January"),
    sentence("February"),
    sentence("March"),
    sentence("April"),
    sentence("May"),
    sentence("June"),
    sentence("July"),
    sentence("August"),
    sentence("September"),
    sentence("October"),
    sentence("November"),
    sentence("December"),
)
_AMOUNT = re.compile(r"(-?\d{1,3}(?:,?\d{3})*\.\d\d)( [A-Z]{3})?")  # of a currency
_DAY = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d)|\d{4}-(?:0[13-9]|1[0-2])-30|\d{4}-(?:0[13578]|1[02])-31"
)


def capital(text: str) -> str:
    """The text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class Reader:
    """Writes in one language."""

    language: Language

    @classmethod
    def of_environment(cls) -> Self:
        """Of the person whose variables are set, as gettext reads them; English where they name no other of ours.
        For what belongs to no profile."""
        named = next(filter(None, map(os.environ.get, ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"))), "")
        for code in named.split(":"):
            match re.split(r"[_.@-]", code.lower())[0]:
                case "sv":
                    return cls("sv")
                case "nb" | "nn" | "no":
                    return cls("nb")
                case "en":
                    return cls("en")
        return cls("en")

    @classmethod
    def shared(cls, languages: Iterable[Language]) -> Self:
        """Of whoever reads about several profiles at once: in the language that all of them have, else in that of
        the environment."""
        different = set(languages)
        return cls(different.pop()) if len(different) == 1 else cls.of_environment()

    def say(self, text: str) -> str:
        """The text on one line, translated where it is a Sentence, with the amounts and dates in it."""
        if isinstance(text, Sentence):
            text = translated(self._local(text), self.language)
        return SPACE.join(map(clean, text.split(SPACE)))

    def amount(self, value: Decimal, decimals: int = 2) -> str:
        """The number with its thousands apart, rounded half up."""
        thousands, point, minus = _MARKS[self.language]
        rounded = value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP) + 0  # without the sign of -0
        marks: dict[str, str | int | None] = {",": thousands, ".": point, "-": minus}
        return f"{rounded:,}".translate(str.maketrans(marks))

    def money(self, value: Decimal, currency: str) -> str:
        """The number with its currency, on one line."""
        return f"{self.amount(value)}{SPACE}{currency}"

    def percent(self, value: Decimal | None) -> str:
        """With one decimal; a dash where there is no number."""
        return "–" if value is None else f"{self.amount(value, 1)}{SPACE}%"

    def day(self, value: date) -> str:
        """2026-11-19 in Swedish, 19.11.2026 in Norwegian, 19 Nov 2026 in English."""
        match self.language:
            case "sv":
                return value.isoformat()
            case "nb":
                return f"{value:%d.%m.%Y}"
        return SPACE.join((str(value.day), self.short_month(value), str(value.year)))

    def moment(self, value: datetime, zone: tzinfo) -> str:
        """The day and the time in the zone, without seconds."""
        local = value.astimezone(zone)
        return f"{self.day(local.date())}{SPACE}{local:%H:%M}"

    def month(self, value: date) -> str:
        """November 2026."""
        return f"{self.say(_MONTHS[value.month - 1])} {value.year}"

    def short_month(self, value: date) -> str:
        """Three letters of the month."""
        return self.say(_MONTHS[value.month - 1])[:3]

    def _local(self, text: Sentence) -> Sentence:
        return Sentence(text.template, {name: self._value(value) for name, value in text.values.items()})

    def _value(self, value: str | int) -> str | int:
        match value:
            case Sentence():
                return self._local(value)
            case str() if found := _AMOUNT.fullmatch(value):
                return self.amount(Decimal(found[1].replace(",", ""))) + (found[2] or "").replace(" ", SPACE)
            case str() if _DAY.fullmatch(value):
                return self.day(date.fromisoformat(value))
        return value
