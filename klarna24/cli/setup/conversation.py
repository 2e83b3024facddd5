"""The questions of klarna24 init, in their order, and how the conversation begins and ends."""

from pathlib import Path

import click

from klarna24.cli.setup import accounts, connections, mail, merchants, more, settings
from klarna24.cli.setup.draft import Draft, open_draft
from klarna24.cli.setup.finish import finish
from klarna24.cli.setup.prompts import Back, Refused
from klarna24.cli.setup.question import Question, ask_all, take_back
from klarna24.cli.setup.review import review
from klarna24.errors import ConfigFault, UsageFault
from klarna24.text.sentences import sentence


def ask_for_more(draft: Draft) -> None:
    """Whether the rare questions are asked as well."""
    draft.prompts.gap()
    question = sentence(
        "More settings? Disputes, VAT, reports, archive, reminders, language, time zone; usually not needed"
    )
    draft.wants_more = draft.prompts.yes_no(question, default=False)


QUESTIONS: tuple[Question, ...] = (
    connections.LANGUAGE,
    connections.NAME,
    *connections.QUESTIONS,
    *merchants.QUESTIONS,
    *settings.FIRST,
    *accounts.QUESTIONS,
    *settings.QUESTIONS,
    *mail.QUESTIONS,
    Question("more", ask_for_more),
    *more.QUESTIONS,
)


def run(path: Path, state_dir: Path | None, name: str | None, like: str | None) -> int:
    """Hold the whole conversation; returns the exit code. Nothing is written before the answer to "Save?".

    Raises ConfigFault if the file cannot be read or edited.
    """
    draft = open_draft(path, state_dir)
    draft.every = frozenset(question.key for question in QUESTIONS if not question.is_silent)
    if not more.names_state(draft):
        draft.top["state_dir"] = more.usual_state_dir(draft)
    _check_options(draft, name, like)
    draft.like = like
    if name:
        connections.begin(draft, name)
        draft.answered.add("name")
    draft.reopen(["language"])
    try:
        _go_through(draft)
    except (KeyboardInterrupt, click.Abort):
        if not draft.is_saved:
            click.echo()
            draft.prompts.say(sentence("Nothing was saved."))
        raise
    return 0


def _check_options(draft: Draft, name: str | None, like: str | None) -> None:
    if name is not None:
        try:
            connections.check_name(name)
        except Refused as refused:
            raise ConfigFault(refused.why, sentence("give another name to --profile")) from None
    if like is not None and like not in draft.profiles:
        known = ", ".join(draft.profiles) or "–"
        raise UsageFault(
            sentence("there is no profile {name}", name=like),
            sentence("profiles in this file: {known}", known=known),
        )
    if like is not None and name in draft.profiles:
        raise UsageFault(
            sentence("profile {name} exists already", name=str(name)), sentence("give --like only with a new name")
        )


def _go_through(draft: Draft) -> None:
    """All that is open, then the review, until the end is reached."""
    while not draft.is_saved:
        ask_all(draft, QUESTIONS)
        try:
            if review(draft, QUESTIONS) and finish(draft):
                return
        except Back:
            take_back(draft)
