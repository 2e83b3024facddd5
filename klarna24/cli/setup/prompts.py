"""Questions on a terminal, in the reader's language. < at any of them goes back to the one before."""

import shutil
import textwrap
import unicodedata
from collections.abc import Callable, Mapping
from typing import get_args

from click import echo, prompt, style

from klarna24.cli.terminal import read_line, signals_heard
from klarna24.text.clean import clean
from klarna24.text.reader import Reader
from klarna24.text.sentences import Language, joined, sentence, translated

BACK = "<"
NONE = "-"
MAX_SHOWN = 12  # of a long list
YES_NO = {"y": True, "yes": True, "j": True, "ja": True, "n": False, "no": False, "nej": False, "nei": False}


class Back(Exception):
    """The person wants to answer the question before this one again."""


class Refused(ValueError):
    """An answer cannot be used; ``why`` is what the person is told."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Prompts:
    """Says and asks. Lines are wrapped at words, at the width of the terminal."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._is_below_heading = False

    def gap(self) -> None:
        """A blank line."""
        echo()

    def heading(self, text: str) -> None:
        """What the next questions are about, after a blank line."""
        self.gap()
        self.say(text)
        self._is_below_heading = True

    def say(self, text: str, *, indent: int = 0, mark: str = "", colour: str | None = None) -> None:
        """The text, as wide as the terminal."""
        self._is_below_heading = False
        for line in self._lines(self.reader.say(text), indent, mark):
            echo(style(line, fg=colour) if colour else line)

    def ok(self, text: str) -> None:
        """What went well, in green."""
        self.say(text, indent=2, mark="✓ ", colour="green")

    def warn(self, text: str) -> None:
        """What to think about, in yellow."""
        self.say(text, indent=2, mark="! ", colour="yellow")

    def error(self, text: str, hint: str = "") -> None:
        """What is wrong, in red, with what to do."""
        whole = joined(" → ", (text, hint)) if hint else text
        self.say(whole, indent=2, mark="✗ ", colour="red")

    def text(self, question: str, default: str | None = None, check: Callable[[str], str] | None = None) -> str:
        """A line of text, not empty. ``check`` returns the value to use, or raises Refused."""
        while True:
            answer = clean(self._read(question, default)) or default or ""
            if answer == BACK:
                raise Back
            try:
                if answer:
                    return check(answer) if check else answer
            except Refused as refused:
                self.error(refused.why)

    def hidden(self, question: str, keep: bool) -> str | None:
        """A password, never shown. With ``keep``, an empty answer keeps the present one: then None."""
        text, kept = map(self.reader.say, (question, sentence("Enter keeps the present one")))
        text += f" ({kept})" if keep else ""
        while True:
            with signals_heard():
                answer = str(prompt(text, default="", hide_input=True, show_default=False))
            if answer == BACK:
                raise Back
            if answer or keep:
                return answer or None
            self.error(sentence("it cannot be empty"))

    def yes_no(self, question: str, default: bool) -> bool:
        """Whether the answer is yes, in whichever of our languages."""
        hint = self.reader.say(sentence("Y/n") if default else sentence("y/N"))
        while True:
            answer = folded(self._read(question, hint))
            if answer == BACK:
                raise Back
            if not answer:
                return default
            if answer in YES_NO:
                return YES_NO[answer]
            self.error(sentence("answer yes or no"))

    def choice(self, question: str, options: Mapping[str, str], default: str | None) -> str:
        """A key of ``options``. It is given by its number, itself or its name, or by the beginning of either, in
        whichever of our languages: friday, FRI and fredag are one answer."""
        keys = list(options)
        self._gap_before_list()
        for number, name in enumerate(options.values(), 1):
            self.say(name, indent=2, mark=f"{number}  ")

        def check(answer: str) -> str:
            if answer.isdecimal() and 0 < int(answer) <= len(keys):
                return keys[int(answer) - 1]
            names = {key: _names(key, name) for key, name in options.items()}
            if same := [key for key in keys if folded(answer) in names[key]]:
                return same[0]
            begun = [key for key in keys if any(name.startswith(folded(answer)) for name in names[key])]
            if len(begun) == 1:
                return begun[0]
            raise Refused(sentence("answer with a number from 1 to {most}", most=len(keys)))

        return self.text(question, str(keys.index(default) + 1) if default in keys else None, check)

    def number(
        self, question: str, names: Mapping[int, str], default: int | None, optional: bool = False
    ) -> int | None:
        """A number of ``names``, given by itself or by a part of its name; None for ``-``, where optional. A short
        list is shown at each attempt."""
        is_short = len(names) <= MAX_SHOWN
        shown = None if default is None else f"{default} {names.get(default, '')}".strip()
        while True:
            if is_short:
                self._gap_before_list()
                self._show(names)
            answer = self.text(question, shown or (NONE if optional else None))
            if answer == shown:
                return default
            if optional and answer == NONE:
                return None
            if answer.isdecimal() and int(answer) in names:
                self.ok(f"{answer} {names[int(answer)]}")
                return int(answer)
            matches = {it: name for it, name in names.items() if folded(answer) in folded(f"{it} {name}")}
            if len(matches) == 1:
                ((number, name),) = matches.items()
                if self.yes_no(f"  {number} {name}?", default=True):
                    return number
            elif not matches:
                self.error(sentence("no match for {answer}: give a number, or a part of a name", answer=answer))
            elif not is_short:
                self._show(matches)

    def _show(self, names: Mapping[int, str]) -> None:
        for number, name in list(names.items())[:MAX_SHOWN]:
            self.say(name, indent=2, mark=f"{number:<9}")
        if len(names) > MAX_SHOWN:
            self.say(sentence("… and {count} more: type more of the name", count=len(names) - MAX_SHOWN), indent=2)

    def _gap_before_list(self) -> None:
        """A list begins on a new paragraph, or directly below its heading."""
        if not self._is_below_heading:
            self.gap()

    def _read(self, question: str, hint: str | None) -> str:
        """What is typed after the question, whose last line holds the hint."""
        text = self.reader.say(question) + (f" [{hint}]: " if hint else ": ")
        indent = len(question) - len(question.lstrip(" "))
        *before, last = self._lines(text, indent, "")
        for line in before:
            echo(line)
        return read_line(f"{last} ")

    def _lines(self, text: str, indent: int, mark: str) -> list[str]:
        width = max(shutil.get_terminal_size().columns, 40) - 1  # a full line would wrap before its end is typed
        first, rest = " " * indent + mark, " " * (indent + len(mark))
        return textwrap.wrap(
            text,
            width,
            initial_indent=first,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]


def folded(text: str) -> str:
    """The text in small letters without marks, so that foretagskonto finds Företagskonto."""
    letters = unicodedata.normalize("NFKD", clean(text).casefold().replace("ø", "o").replace("æ", "ae"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _names(key: str, name: str) -> set[str]:
    """The key and its name in all of our languages."""
    return {folded(key), *(folded(translated(name, language)) for language in get_args(Language))}
