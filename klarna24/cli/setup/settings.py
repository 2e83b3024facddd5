"""From when, how often and in how much detail payouts are booked, and after how long a silence is alarming."""

import re
from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from klarna24.check.accounts import OCR_ADVICE
from klarna24.cli.setup.draft import Draft
from klarna24.cli.setup.prompts import NONE, Refused, folded
from klarna24.cli.setup.question import Question
from klarna24.errors import Klarna24Error
from klarna24.text.sentences import Sentence, sentence

TRANSFERS = {
    "lump": sentence("one entry for each of Klarna's totals (usual)"),
    "itemised": sentence("one entry for each sale, return and reversal"),
    "itemised-fees": sentence("as itemised, and one entry for each fee"),
}
REFERENCES = {
    "order_id": (sentence("Order ID"), sentence("Order ID goes to")),
    "short_order_id": (
        sentence("Short order ID"),
        sentence("Short order ID (the one that the customer sees) goes to"),
    ),
    "merchant_reference1": (sentence("Merchant reference 1"), sentence("Merchant reference 1 goes to")),
    "merchant_reference2": (sentence("Merchant reference 2"), sentence("Merchant reference 2 goes to")),
}
TARGETS = {
    "comment": sentence("the comment"),
    "invoice_no": sentence("the invoice number"),
    "ocr": sentence("the OCR field"),
}
NOWHERE = sentence("nowhere")
FREQUENCIES = {
    "daily": sentence("daily (usual)"),
    "weekly": sentence("weekly"),
    "monthly": sentence("monthly"),
}
WEEKDAYS = {
    "monday": sentence("Monday"),
    "tuesday": sentence("Tuesday"),
    "wednesday": sentence("Wednesday"),
    "thursday": sentence("Thursday"),
    "friday": sentence("Friday"),
    "saturday": sentence("Saturday"),
    "sunday": sentence("Sunday"),
}


def ask_zone(draft: Draft) -> None:
    """The time zone."""
    known = draft.get("", "timezone", "Europe/Stockholm")
    draft.put("", "timezone", draft.prompts.text(sentence("Time zone"), str(known), _check_zone))


def ask_start(draft: Draft) -> None:
    """The start date; one in the past is asked about, with how many payouts it would draft."""
    prompts, today = draft.prompts, datetime.now(ZoneInfo(draft.get("", "timezone"))).date()
    prompts.heading(
        sentence(
            "No payout before the start date is ever drafted or even fetched. Choose the day after the last "
            "payout that was booked by hand."
        )
    )
    while True:
        shown = _shown_day(draft, draft.get("", "start_date", today))
        typed = prompts.text(sentence("Start date"), shown, lambda it: _parsed_day(it).isoformat())
        start = date.fromisoformat(typed)
        before = draft.get("", "start_date")
        draft.put("", "start_date", start)
        if start >= today or start == before or _may_draft(draft, start):
            return
        draft.put("", "start_date", None)


def _may_draft(draft: Draft, start: date) -> bool:
    """Whether the payouts since then are to be drafted; without asking where there are none."""
    try:
        count = sum(1 for it in draft.ask_klarna(start) if draft.covers(it.merchant_id, it.currency))
    except Klarna24Error as error:
        draft.prompts.error(error.message)
        return True
    if not count:
        return True
    draft.prompts.warn(
        sentence(
            "Payouts since {start}: {count}. The first run would draft all of them, booked already or not.",
            start=str(start),
            count=count,
        )
    )
    return draft.prompts.yes_no(sentence("Keep this start date"), default=False)


def _shown_day(draft: Draft, day: date) -> str:
    """As it can be typed, and is written in Norway."""
    return draft.prompts.reader.day(day) if draft.prompts.reader.language == "nb" else day.isoformat()


def _parsed_day(answer: str) -> date:
    try:
        if found := re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", answer):
            day, month, year = map(int, found.groups())
            return date(year, month, day)
        return date.fromisoformat(answer)
    except ValueError:
        raise Refused(sentence("a date looks like {example}", example="2026-11-24")) from None


def ask_transfer(draft: Draft) -> None:
    """How detailed a voucher is."""
    draft.prompts.heading(sentence("How should payouts be booked?"))
    chosen = draft.prompts.choice(sentence("Detail"), TRANSFERS, draft.get("", "transfer", "lump"))
    draft.put("", "transfer", chosen)
    if chosen == "lump":
        draft.table.pop("references", None)
    elif not draft.table.get("references"):
        draft.reopen(f"references.{name}" for name in REFERENCES)


def _free_targets(draft: Draft, reference: str) -> dict[str, str]:
    """The fields that no reference before this one has taken; each field holds one of them."""
    names = list(REFERENCES)
    taken = {draft.get("references", name) for name in names[: names.index(reference)]}
    return {target: title for target, title in TARGETS.items() if target not in taken}


def ask_reference(draft: Draft, reference: str) -> None:
    """The field of an itemised entry that gets it."""
    if reference == "order_id":
        draft.prompts.heading(
            sentence("References on itemised entries: each field of an entry can hold one of them.")
        )
    free = _free_targets(draft, reference)
    known = draft.get("references", reference)
    chosen = draft.prompts.choice(
        REFERENCES[reference][1], {**free, "none": NOWHERE}, known if known in free else "none"
    )
    draft.put("references", reference, None if chosen == "none" else chosen)
    for other in REFERENCES:
        if other != reference and draft.get("references", other) == chosen:
            draft.put("references", other, None)
            draft.reopen([f"references.{other}"])
    if (reference, chosen) == ("order_id", "ocr"):
        draft.prompts.warn(OCR_ADVICE)
        draft.prompts.say(sentence("The short order ID fits."), indent=4)


def ask_frequency(draft: Draft) -> None:
    """When a profile is due."""
    draft.prompts.heading(sentence("How often should payouts be fetched?"))
    known = draft.get("", "frequency", "daily")
    chosen = draft.prompts.choice(sentence("How often"), FREQUENCIES, known)
    draft.put("", "frequency", chosen)
    for frequency, key in (("weekly", "weekday"), ("monthly", "day")):
        if chosen != frequency:
            draft.put("", key, None)
        if draft.get("", key) is None:
            draft.reopen([key])


def ask_weekday(draft: Draft) -> None:
    """For a weekly profile."""
    known = draft.get("", "weekday", "monday")
    draft.put("", "weekday", draft.prompts.choice(sentence("On which day"), WEEKDAYS, known))


def ask_month_day(draft: Draft) -> None:
    """For a monthly profile."""
    question = sentence("Day of the month (in a shorter month its last)")
    draft.put("", "day", int(draft.prompts.text(question, str(draft.get("", "day", 1)), number_check(31))))


def ask_silence(draft: Draft) -> None:
    """After how many days without a payout that is a problem."""
    draft.prompts.heading(sentence("Credentials that no longer see any payouts look like a shop without sales."))
    question = sentence("Raise an alarm after how many days without a payout (- for never)")
    ask_days(draft, "expect_payout_within_days", question)


def ask_days(draft: Draft, key: str, question: Sentence) -> None:
    known = str(draft.get("", key, NONE))
    answer = draft.prompts.text(question, known, lambda it: it if it == NONE else number_check(366)(it))
    draft.put("", key, None if answer == NONE else int(answer))


def days_answer(key: str) -> Callable[[Draft], str]:
    return lambda draft: str(draft.get("", key, "–"))


def ask_voucher_type(draft: Draft) -> None:
    """Stored by its title, or by its number where another type has the same title."""
    types = draft.choices.voucher_types
    draft.prompts.heading(sentence("The voucher type of the drafts"))
    number = draft.prompts.number(sentence("Voucher type"), types, _known_type(draft))
    title = types[number] if number is not None else ""
    draft.put("voucher", "type", title if list(types.values()).count(title) == 1 else number)


def _known_type(draft: Draft) -> int | None:
    """The number of the profile's voucher type, or of "Diverse"; None where the company does not have it."""
    known = draft.get("voucher", "type", "Diverse")
    by_title = {folded(title): number for number, title in draft.choices.voucher_types.items()}
    return known if isinstance(known, int) else by_title.get(folded(str(known)))


def ask_department(draft: Draft) -> None:
    """Skipped where the company has no departments."""
    draft.prompts.heading(sentence("Departments distinguish several web shops of one company (- for none)."))
    known = draft.get("voucher", "department_id")
    number = draft.prompts.number(sentence("Department"), draft.choices.departments, known, optional=True)
    draft.put("voucher", "department_id", number)


def _department(draft: Draft) -> str:
    number = draft.get("voucher", "department_id")
    return f"{number} {draft.choices.departments.get(number, '')}" if number else "–"


def number_check(most: int) -> Callable[[str], str]:
    """A check for a whole number from 1 to ``most``."""

    def check(answer: str) -> str:
        if not answer.isdecimal() or not 1 <= int(answer) <= most:
            raise Refused(sentence("give a number from 1 to {most}", most=most))
        return answer

    return check


def _check_zone(answer: str) -> str:
    try:
        return ZoneInfo(answer).key
    except (KeyError, ValueError, OSError):
        raise Refused(sentence("a time zone looks like {example}", example="Europe/Stockholm")) from None


def said(options: dict[str, Sentence], key: str, default: str) -> Callable[[Draft], str]:
    return lambda draft: draft.prompts.reader.say(options[draft.get("", key, default)])


def _reference(name: str) -> Question:
    return Question(
        f"references.{name}",
        lambda draft: ask_reference(draft, name),
        REFERENCES[name][0],
        lambda draft: draft.prompts.reader.say(TARGETS.get(draft.get("references", name), NOWHERE)),
        applies=lambda draft: draft.get("", "transfer") != "lump" and bool(_free_targets(draft, name)),
    )


FIRST = (
    Question(
        "timezone",
        ask_zone,
        sentence("Time zone"),
        lambda draft: draft.get("", "timezone"),
        is_rare=lambda draft: True,
    ),
    Question(
        "start_date",
        ask_start,
        sentence("Start date"),
        lambda draft: draft.prompts.reader.day(draft.get("", "start_date")),
    ),
    Question("transfer", ask_transfer, sentence("Detail"), said(TRANSFERS, "transfer", "lump")),
)
QUESTIONS = (
    Question(
        "voucher.type",
        ask_voucher_type,
        sentence("Voucher type"),
        lambda draft: str(draft.get("voucher", "type", "Diverse")),
        is_rare=lambda draft: _known_type(draft) is not None,
    ),
    Question(
        "voucher.department_id",
        ask_department,
        sentence("Department"),
        _department,
        applies=lambda draft: bool(draft.choices.departments),
    ),
    *(_reference(name) for name in REFERENCES),
    Question("frequency", ask_frequency, sentence("How often"), said(FREQUENCIES, "frequency", "daily")),
    Question(
        "weekday",
        ask_weekday,
        sentence("On which day"),
        said(WEEKDAYS, "weekday", "monday"),
        applies=lambda draft: draft.get("", "frequency") == "weekly",
    ),
    Question(
        "day",
        ask_month_day,
        sentence("Day of the month"),
        lambda draft: str(draft.get("", "day", 1)),
        applies=lambda draft: draft.get("", "frequency") == "monthly",
    ),
    Question("silence", ask_silence, sentence("Alarm after days"), days_answer("expect_payout_within_days")),
)
