"""What a question of init is, and how the questions are gone through."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from klarna24.cli.setup.draft import Draft
from klarna24.cli.setup.prompts import Back


class Again(Exception):
    """An answer does not work: the questions with these keys are to be asked again."""

    def __init__(self, *keys: str) -> None:
        super().__init__(*keys)
        self.keys = keys


@dataclass(frozen=True, slots=True)
class Question:
    """``ask`` puts the answer into the draft; it raises Back or Again. ``answer`` says it as the review shows it
    beside ``title``; without a title it is not shown there. A rare question is asked only on request. A silent one
    asks nothing: it is a test of the answers before it."""

    key: str
    ask: Callable[[Draft], None]
    title: str = ""
    answer: Callable[[Draft], str] = lambda draft: ""
    applies: Callable[[Draft], bool] = lambda draft: True
    is_rare: Callable[[Draft], bool] = lambda draft: False
    is_silent: bool = False

    def is_open(self, draft: Draft) -> bool:
        """Whether it is still to be asked."""
        if self.key in draft.answered or not self.applies(draft):
            return False
        return draft.wants_more or not self.is_rare(draft)


def ask_all(draft: Draft, questions: Sequence[Question]) -> None:
    """Ask what is open, in order, until nothing is; < takes back the last answer."""
    while question := next((it for it in questions if it.is_open(draft)), None):
        try:
            question.ask(draft)
        except Again as again:
            draft.reopen(again.keys)
            draft.asked = [key for key in draft.asked if key not in again.keys]
        except Back:
            take_back(draft)
        else:
            note(draft, question)


def note(draft: Draft, question: Question) -> None:
    """It is answered."""
    draft.answered.add(question.key)
    if not question.is_silent:
        draft.asked.append(question.key)


def take_back(draft: Draft) -> None:
    """Have the last question asked again, if there was one."""
    if draft.asked:
        draft.reopen([draft.asked.pop()])
