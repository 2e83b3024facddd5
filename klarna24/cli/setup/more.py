"""The settings that few shops need, asked only on request."""

import os
from pathlib import Path

from klarna24.cli.setup.connections import LANGUAGES
from klarna24.cli.setup.draft import Draft
from klarna24.cli.setup.prompts import NONE, Refused
from klarna24.cli.setup.question import Question
from klarna24.cli.setup.settings import ask_days, days_answer, said
from klarna24.config.folders import default_state_dir
from klarna24.config.loading import absolute_path
from klarna24.text.sentences import sentence

EVIDENCE = {
    "none": sentence("not at all (usual)"),
    "mail": sentence("mailed to the company's voucher inbox in 24SevenOffice, which needs a mail server"),
    "attach": sentence("uploaded beside the draft, which needs pypdfium2: pip install pypdfium2"),
}


def ask_reminder(draft: Draft) -> None:
    """After how many days a draft is reminded of."""
    draft.prompts.gap()
    question = sentence("Remind of a draft that nobody has booked after how many days (- for never)")
    ask_days(draft, "remind_unbooked_after_days", question)


def ask_text_language(draft: Draft) -> None:
    """The language of what klarna24 writes to people about this shop."""
    draft.prompts.heading(sentence("The language of voucher comments, problems and mails"))
    chosen = draft.prompts.choice(sentence("Language"), LANGUAGES, draft.get("", "language", "en"))
    draft.put("", "language", chosen)


def ask_evidence(draft: Draft) -> None:
    """How Klarna's report reaches the draft."""
    draft.prompts.heading(sentence("Klarna's settlement report is in the EU the VAT invoice."))
    known = draft.get("", "evidence", "none")
    while True:
        chosen = draft.prompts.choice(sentence("How does it reach the draft"), EVIDENCE, known)
        has_server = {"notify"} & {*draft.file, *draft.top, *draft.table}
        if chosen == "mail" and not has_server:
            draft.prompts.error(sentence("there is no mail server yet: answer that question first"))
            continue
        draft.put("", "evidence", None if chosen == "none" else chosen)
        return


def ask_archive(draft: Draft) -> None:
    """A folder for the evidence."""
    draft.prompts.heading(
        sentence("An archive keeps what Klarna sent and what was drafted, which the law wants kept for years.")
    )
    known = draft.top.get("archive", NONE)
    question = sentence("Folder of the archive (- for none)")
    answer = draft.prompts.text(question, known, lambda it: it if it == NONE else _check_absolute(it))
    draft.top.pop("archive", None)
    if answer != NONE:
        draft.top["archive"] = answer


def ask_state_dir(draft: Draft) -> None:
    """Where what was drafted is recorded."""
    draft.prompts.heading(
        sentence("The state folder records what was drafted. Keep it on a local disk and in the backup.")
    )
    draft.top["state_dir"] = draft.prompts.text(sentence("State folder"), draft.top["state_dir"], _check_absolute)


def names_state(draft: Draft) -> bool:
    """Whether the file says where the state is."""
    return "state_dir" in draft.file or "state" in draft.file


def usual_state_dir(draft: Draft) -> str:
    """Where the state is unless somebody says otherwise."""
    return str(absolute_path(draft.state_dir or default_state_dir()))


def _check_absolute(answer: str) -> str:
    path = Path(os.path.expanduser(answer))  # noqa: PTH111 - Path's own raises for an unknown user
    if not path.is_absolute():
        raise Refused(sentence("give the whole path, beginning with /"))
    return str(path)


QUESTIONS = (
    Question(
        "text-language",
        ask_text_language,
        sentence("Language of vouchers and mails"),
        lambda draft: LANGUAGES[draft.get("", "language", "en")],
        is_rare=lambda draft: True,
    ),
    Question(
        "reminder",
        ask_reminder,
        sentence("Reminder of drafts after days"),
        days_answer("remind_unbooked_after_days"),
        is_rare=lambda draft: True,
    ),
    Question(
        "evidence",
        ask_evidence,
        sentence("Klarna's report to the draft"),
        said(EVIDENCE, "evidence", "none"),
        is_rare=lambda draft: True,
    ),
    Question(
        "archive",
        ask_archive,
        sentence("Archive"),
        lambda draft: draft.top.get("archive", "–"),
        applies=lambda draft: "archive" not in draft.file,
        is_rare=lambda draft: True,
    ),
    Question(
        "state_dir",
        ask_state_dir,
        sentence("State folder"),
        lambda draft: draft.top["state_dir"],
        applies=lambda draft: not names_state(draft),
        is_rare=lambda draft: True,
    ),
)
