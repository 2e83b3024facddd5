"""All answers in one list, any of which can be changed by its number."""

from collections.abc import Sequence

from klarna24.cli.setup.draft import Draft
from klarna24.cli.setup.prompts import Back, Refused, folded
from klarna24.cli.setup.question import Again, Question, note
from klarna24.text.sentences import sentence

GO_ON = sentence("go on")


def review(draft: Draft, questions: Sequence[Question]) -> bool:
    """Show what was answered, and ask one question again if that is wanted; whether all is right as it is. Raises
    Back."""
    shown = [question for question in questions if question.title and question.applies(draft)]
    reader = draft.prompts.reader
    titles = [reader.say(question.title) for question in shown]
    width = max(map(len, titles))
    draft.prompts.heading(sentence("The answers of profile {name}:", name=draft.name))
    for number, (title, question) in enumerate(zip(titles, shown, strict=True), 1):
        draft.prompts.say(question.answer(draft), mark=f"{number:>3}  {title:<{width}}  ")

    def check(answer: str) -> str:
        if answer.isdecimal() and 1 <= int(answer) <= len(shown):
            return answer
        matches = [n for n, title in enumerate(titles, 1) if folded(title).startswith(folded(answer))]
        if len(matches) == 1:
            return str(matches[0])
        if folded(reader.say(GO_ON)) == folded(answer):
            return ""
        raise Refused(sentence("give a number from 1 to {most}", most=len(shown)))

    draft.prompts.gap()
    chosen = draft.prompts.text(sentence("Number of an answer to change it"), reader.say(GO_ON), check)
    if not chosen:
        return True
    _change(draft, shown[int(chosen) - 1])
    return False


def _change(draft: Draft, question: Question) -> None:
    """Ask it; < leaves everything as it was."""
    answered = set(draft.answered)
    try:
        question.ask(draft)
    except Back:
        draft.answered = answered
    except Again as again:
        draft.reopen(again.keys)
    else:
        note(draft, question)
