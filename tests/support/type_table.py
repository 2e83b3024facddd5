"""The table of detailed types in docs/bookkeeping.md and docs/bookkeeping.sv.md, made from the program's own.

``python -m tests.support.type_table`` writes it into both pages; a test compares them with it.
"""

import re
from pathlib import Path

from klarna24.bookkeeping.detailed_types import DETAILED_TYPES, KEYS, DetailedType, Nature
from klarna24.text.sentences import Language, translated

ROOT = Path(__file__).parents[2]
PAGES: dict[str, Language] = {"docs/bookkeeping.md": "en", "docs/bookkeeping.sv.md": "sv"}
BLOCK = re.compile(r"(?<=<!-- detailed types -->\n).*?(?=<!-- end of the detailed types -->)", re.DOTALL)
HEAD: dict[Language, str] = {
    "en": "| type | detailed type | what it is | booked | known from |",
    "sv": "| typ | detaljerad typ | vad det är | bokförs | känd från |",
}
BOOKED: dict[Language, dict[Nature, str]] = {
    "en": {
        Nature.TOTAL: "with its total",
        Nature.ORDINARY: "{keys}: its own line, else `other`",
        Nature.LOAN: "{keys}: **its own line only**",
        Nature.DEBT: "{keys}: its own line, else **`debt`**",
    },
    "sv": {
        Nature.TOTAL: "med sin totalsumma",
        Nature.ORDINARY: "{keys}: egen rad, annars `other`",
        Nature.LOAN: "{keys}: **bara egen rad**",
        Nature.DEBT: "{keys}: egen rad, annars **`debt`**",
    },
}
# the end of DetailedType.source, which begins with the page and its heading
SOURCES: dict[Language, dict[str, str]] = {
    "en": {
        "Klarna documents it": "Klarna's documentation",
        "the older contract lists it": "the older contract",
        "seen in older data": "older data",
    },
    "sv": {
        "Klarna documents it": "Klarnas dokumentation",
        "the older contract lists it": "det äldre kontraktet",
        "seen in older data": "äldre data",
    },
}


def table(language: Language) -> str:
    """Return the table in Markdown: a row for each kind, in the order of the program's table."""
    lines = [HEAD[language], "|---|---|---|---|---|", *(_row(it, language) for it in DETAILED_TYPES)]
    return "".join(f"{line}\n" for line in lines)


def _row(it: DetailedType, language: Language) -> str:
    keys = dict.fromkeys(f"`{KEYS[row_type]}`" for row_type in it.row_types if row_type in KEYS)
    meaning = translated(it.meaning, language)
    cells = (
        ", ".join(it.row_types),
        it.name,
        meaning[:1].upper() + meaning[1:],
        BOOKED[language][it.nature].format(keys=", ".join(keys)),
        SOURCES[language][it.source.partition('": ')[2]],
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Write the table into both pages."""
    for name, language in PAGES.items():
        path = ROOT / name
        path.write_text(table(language).join(BLOCK.split(path.read_text("utf-8"))), "utf-8")


if __name__ == "__main__":
    main()
