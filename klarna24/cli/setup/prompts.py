"""Questions on a terminal. < at any of them goes back to the one before."""

from collections.abc import Callable, Mapping

from click import echo, prompt, secho

from klarna24.cli.terminal import read_line, signals_heard
from klarna24.errors import Klarna24Error
from klarna24.text.clean import clean

BACK = "<"
MAX_SHOWN = 12  # of a long list


class Back(Exception):
    """The person wants to answer the question before this one again."""


def print_ok(text: str) -> None:
    """A line in green."""
    secho(f"  ✓ {text}", fg="green")


def print_error(error: str | Klarna24Error) -> None:
    """A line in red; of an error, with its next step."""
    text = error if isinstance(error, str) else f"{error.message} → {error.hint}"
    secho(f"  ✗ {text}", fg="red")


def ask_text(question: str, default: str | None = None, check: Callable[[str], str] | None = None) -> str:
    """A line of text, not empty. ``check`` returns the value to use, or raises ValueError with what is wrong."""
    hint = "" if default is None else f" [{default}]"
    while True:
        answer = clean(read_line(f"{question}{hint}: ")) or default or ""
        if answer == BACK:
            raise Back
        try:
            if answer:
                return check(answer) if check else answer
        except ValueError as error:
            print_error(str(error))


def ask_hidden(question: str, keep: bool) -> str | None:
    """A password, never shown. With ``keep``, an empty answer keeps the present one: then None."""
    hint = " (Enter keeps the present one)" if keep else ""
    while True:
        with signals_heard():
            answer = str(prompt(f"{question}{hint}", default="", hide_input=True, show_default=False))
        if answer == BACK:
            raise Back
        if answer or keep:
            return answer or None
        print_error("it cannot be empty")


def ask_yes_no(question: str, default: bool) -> bool:
    """Whether the answer is yes, in English, Swedish or Norwegian."""
    words = {"y": True, "yes": True, "j": True, "ja": True, "n": False, "no": False, "nej": False, "nei": False}
    hint = "Y/n" if default else "y/N"
    while True:
        answer = clean(read_line(f"{question} [{hint}]: ")).lower()
        if answer == BACK:
            raise Back
        if not answer:
            return default
        if answer in words:
            return words[answer]
        print_error("answer y or n")


def ask_choice(question: str, options: Mapping[str, str], default: str) -> str:
    """A key of ``options``, given by its number or itself; each is shown with its explanation."""
    echo(question)
    keys = list(options)
    for number, key in enumerate(keys, 1):
        echo(f"  {number}  {key:<16} {options[key]}".rstrip())

    def check(answer: str) -> str:
        if answer.isdecimal() and 0 < int(answer) <= len(keys):
            return keys[int(answer) - 1]
        if answer in options:
            return answer
        raise ValueError(f"answer with a number from 1 to {len(keys)}, or with one of the words")

    return ask_text("Which", default, check)


def ask_number(question: str, names: Mapping[int, str], default: int | None, optional: bool = False) -> int | None:
    """A number of ``names``, given by itself or by a part of its name; None for ``-``, where optional."""
    hint = ", - for none" if optional else ""
    shown = "-" if default is None and optional else None if default is None else str(default)
    while True:
        answer = ask_text(f"{question} (number, or part of the name{hint})", shown)
        if optional and answer == "-":
            return None
        if answer.isdecimal() and int(answer) in names:
            print_ok(f"{answer} {names[int(answer)]}")
            return int(answer)
        matches = {number: name for number, name in names.items() if answer.lower() in f"{number} {name}".lower()}
        if len(matches) == 1:
            ((number, name),) = matches.items()
            if ask_yes_no(f"  {number} {name}?", default=True):
                return number
            continue
        _print_matches(answer, matches)


def _print_matches(answer: str, matches: Mapping[int, str]) -> None:
    if not matches:
        print_error(f"no match for {answer!r}")
    for number, name in list(matches.items())[:MAX_SHOWN]:
        echo(f"  {number:<8} {name}")
    if len(matches) > MAX_SHOWN:
        echo(f"  … and {len(matches) - MAX_SHOWN} more: type more of the name")
