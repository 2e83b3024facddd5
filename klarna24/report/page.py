"""The month's page: one HTML document, whole in itself, that needs neither network nor scripts."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from klarna24.logs.redaction import redacted
from klarna24.report import view
from klarna24.report.month import ProfileMonth, worst_first
from klarna24.text.reader import Reader, capital
from klarna24.text.sentences import sentence


def page(months: Sequence[ProfileMonth], now: datetime) -> str:
    """The document about one month of these profiles, of which there is at least one. Of several there is a
    line for each first, the worst on top. Each part is in its profile's language, the rest in
    that of the first. ``now`` is when they were read, which the page has as a day where the first shop is."""
    reader = Reader(months[0].language)
    ordered = worst_first(months)
    is_several = len(months) > 1
    name = reader.say(sentence("Klarna, all shops")) if is_several else reader.say(months[0].profile)
    return redacted(
        _environment()
        .get_template("page.html")
        .render(
            language=reader.language,
            title=f"{name}, {reader.month(months[0].month.first)}",
            heading=capital(reader.month(months[0].month.first)) if is_several else None,
            overview=view.overview(ordered, reader.language) if is_several else None,
            shops=[view.shop(it, number) for number, it in enumerate(ordered)],
            made=reader.say(
                sentence(
                    "Made by klarna24 on {day} of what Klarna states, what was drafted, and the ledger.",
                    day=now.astimezone(months[0].zone).date().isoformat(),
                )
            ),
        )
    )


@cache
def _environment() -> Environment:
    """All that is put into a template is escaped, and a name that is not there is a fault."""
    return Environment(
        loader=PackageLoader("klarna24.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
