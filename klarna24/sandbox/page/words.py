"""What the page says, in English, Swedish and Norwegian; its numbers and dates as each language writes them.

The sandbox imports nothing of klarna24, so these few words are its own.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Self

_SPACE, _MINUS = "\u00a0", "\u2212"  # a space that does not break, and a minus as wide as a digit
_TAGS = {"en": "en", "sv": "sv", "nb": "nb", "no": "nb", "nn": "nb"}
_WANTED = re.compile(r"\s*([A-Za-z]{2})(?:-[A-Za-z0-9-]+)?\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?)\s*)?")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# the English text, then the Swedish and the Norwegian one
TABLE = {
    "{count} draft": ("{count} utkast", "{count} utkast"),
    "{count} drafts": ("{count} utkast", "{count} utkast"),
    "{title} – {company} – klarna24's sandbox": (
        "{title} – {company} – klarna24:s sandlåda",
        "{title} – {company} – klarna24s sandkasse",
    ),
    "Drafts and ledger in 24SevenOffice": (
        "Utkast och huvudbok i 24SevenOffice",
        "Utkast og hovedbok i 24SevenOffice",
    ),
    "Simulated by klarna24's sandbox on this machine; nothing here is real.": (
        "Simuleras av klarna24:s sandlåda på den här datorn; inget här är på riktigt.",
        "Simuleres av klarna24s sandkasse på denne maskinen; ingenting her er ekte.",
    ),
    "Check a draft: its accounts, its amounts, and that the difference is zero.": (
        "Kontrollera ett utkast: konton, belopp och att differensen är noll.",
        "Kontroller et utkast: kontoer, beløp og at differansen er null.",
    ),
    "Press “Number and book” below it. It gets the next voucher number and moves to the ledger.": (
        "Tryck på ”Numrera och bokför” under det. Det får nästa verifikationsnummer och flyttas till huvudboken.",
        "Trykk på «Nummerer og bokfør» under det. Det får neste bilagsnummer og flyttes til hovedboken.",
    ),
    "Then run this command in a terminal:": (
        "Kör sedan det här kommandot i en terminal:",
        "Kjør så denne kommandoen i en terminal:",
    ),
    "It finds the voucher in the ledger, and the payout becomes “booked”.": (
        "Det hittar verifikationen i huvudboken, och utbetalningen blir ”bokförd”.",
        "Den finner bilaget i hovedboken, og utbetalingen blir «bokført».",
    ),
    "Jump to": ("Gå till", "Gå til"),
    "To the list": ("Till listan", "Til listen"),
    "The user's other company has no drafts, and nothing in the ledger.": (
        "Användarens andra företag har inga utkast och ingenting i huvudboken.",
        "Brukerens andre firma har ingen utkast og ingenting i hovedboken.",
    ),
    "Drafts": ("Utkast", "Utkast"),
    "{count} to check and book": ("{count} att kontrollera och bokföra", "{count} å kontrollere og bokføre"),
    "There are no drafts. This command saves one for each new payout; reload the page after it:": (
        "Det finns inga utkast. Det här kommandot sparar ett för varje ny utbetalning; ladda om sidan efteråt:",
        "Det finnes ingen utkast. Denne kommandoen lagrer ett for hver ny utbetaling; last siden på nytt etterpå:",
    ),
    "Ledger": ("Huvudbok", "Hovedbok"),
    "{count} voucher, the last booked first": (
        "{count} verifikation, den senast bokförda först",
        "{count} bilag, det sist bokførte først",
    ),
    "{count} vouchers, the last booked first": (
        "{count} verifikationer, den senast bokförda först",
        "{count} bilag, det sist bokførte først",
    ),
    "Nothing has been booked.": ("Ingenting är bokfört.", "Ingenting er bokført."),
    "Draft {number}": ("Utkast {number}", "Utkast {number}"),
    "Voucher {number}": ("Verifikation {number}", "Bilag {number}"),
    "unknown voucher type {number}": ("okänd verifikationstyp {number}", "ukjent bilagstype {number}"),
    "year {year}": ("år {year}", "år {year}"),
    "dated {first}": ("daterad {first}", "datert {first}"),
    "dated {first} to {last}": ("daterad {first} till {last}", "datert {first} til {last}"),
    "without a date": ("utan datum", "uten dato"),
    "saved {time}": ("sparat {time}", "lagret {time}"),
    "booked {time}": ("bokförd {time}", "bokført {time}"),
    "number {number} requested": ("nummer {number} önskas", "nummer {number} ønskes"),
    "{count} page attached": ("{count} bifogad sida", "{count} vedlagt side"),
    "{count} pages attached": ("{count} bifogade sidor", "{count} vedlagte sider"),
    "Number and book": ("Numrera och bokför", "Nummerer og bokfør"),
    "Number and book {name}": ("Numrera och bokför {name}", "Nummerer og bokfør {name}"),
    "Account": ("Konto", "Konto"),
    "Comment": ("Kommentar", "Kommentar"),
    "Debit": ("Debet", "Debet"),
    "Credit": ("Kredit", "Kredit"),
    "is not in the chart": ("finns inte i kontoplanen", "finnes ikke i kontoplanen"),
    "invoice": ("faktura", "faktura"),
    "OCR": ("OCR", "KID"),
    "customer": ("kund", "kunde"),
    "department": ("avdelning", "avdeling"),
    "project": ("projekt", "prosjekt"),
    "in": ("i", "i"),
    "{count} more lines ({first}–{last})": (
        "{count} rader till ({first}–{last})",
        "{count} linjer til ({first}–{last})",
    ),
    "{count} line": ("{count} rad", "{count} linje"),
    "{count} lines": ("{count} rader", "{count} linjer"),
    "Difference": ("Differens", "Differanse"),
    "Difference: debit and credit are not equal": (
        "Differens: debet och kredit är inte lika",
        "Differanse: debet og kredit er ikke like",
    ),
    "This page can only be read, with GET.": (
        "Den här sidan kan bara läsas, med GET.",
        "Denne siden kan bare leses, med GET.",
    ),
    "A draft is booked with its button, by POST.": (
        "Ett utkast bokförs med sin knapp, med POST.",
        "Et utkast bokføres med knappen sin, med POST.",
    ),
    "Nothing was booked: the button was on another site, or the sandbox has been restarted since.": (
        "Inget bokfördes: knappen fanns på en annan webbplats, eller så har sandlådan startats om sedan dess.",
        "Ingenting ble bokført: knappen var på et annet nettsted, eller sandkassen er startet på nytt siden.",
    ),
    "Draft {number} no longer exists: it was booked or deleted.": (
        "Utkast {number} finns inte längre: det har bokförts eller tagits bort.",
        "Utkast {number} finnes ikke lenger: det er bokført eller slettet.",
    ),
    "Draft {number} cannot be booked: there is no such voucher type.": (
        "Utkast {number} kan inte bokföras: det finns ingen sådan verifikationstyp.",
        "Utkast {number} kan ikke bokføres: det finnes ingen slik bilagstype.",
    ),
}


@dataclass(frozen=True)
class Words:
    """Says things in one language: "en", "sv" or "nb"."""

    language: str = "en"

    @classmethod
    def wanted(cls, accepted: str) -> Self:
        """In the language that the browser likes best of these (its Accept-Language); English if it names none."""
        best, language = 0.0, "en"
        for part in accepted.split(","):
            found = _WANTED.fullmatch(part)
            known = _TAGS.get(found[1].lower()) if found else None
            if found and known and (quality := float(found[2] or 1)) > best:
                best, language = quality, known
        return cls(language)

    def say(self, text: str, **values: str) -> str:
        """The English text of the table in this language, with the values in their places."""
        if self.language != "en":
            text = TABLE[text][0 if self.language == "sv" else 1]
        return text.format(**values)

    def count(self, number: int, one: str, many: str) -> str:
        """The text for one or that for many, with {count} in its place."""
        return self.say(one if number == 1 else many, count=self.whole(number))

    def whole(self, number: int) -> str:
        """A number without decimals, with its thousands apart."""
        return self._marked(f"{number:,}")

    def amount(self, value: Decimal) -> str:
        """With two decimals, or with all of them where more are not zero."""
        return self._marked(f"{value:,.2f}" if value == round(value, 2) else f"{value:,f}")

    def day(self, value: date) -> str:
        """19 Nov 2026 in English, 2026-11-19 in Swedish, 19.11.2026 in Norwegian."""
        if self.language == "sv":
            return f"{value:%Y-%m-%d}"
        if self.language == "nb":
            return f"{value:%d.%m.%Y}"
        return _SPACE.join((str(value.day), _MONTHS[value.month - 1], str(value.year)))

    def time(self, value: datetime) -> str:
        """The day, with the hour and minute."""
        return f"{self.day(value)} {value:%H:%M}"

    def _marked(self, number: str) -> str:
        return number if self.language == "en" else number.translate({44: _SPACE, 45: _MINUS, 46: ","})
