"""Questions on a terminal: each can be answered, answered again, or taken back with <."""

from collections.abc import Callable, Mapping

import click

from klarna24.text import clean

BACK = "<"
SHOWN = 12  # of a long list


class Back(Exception):
    """The person wants the question before this one."""


def say(text: str = "") -> None:
    click.echo(text)


def wrong(text: str) -> None:
    click.secho(f"  ✗ {text}", fg="red")


def right(text: str) -> None:
    click.secho(f"  ✓ {text}", fg="green")


def text(question: str, default: str | None = None, check: Callable[[str], str] | None = None) -> str:
    """A line of text. ``check`` gives the value to keep, or raises ValueError with what is wrong."""
    while True:
        answer = clean(click.prompt(question, default=default, prompt_suffix=": "))
        if answer == BACK:
            raise Back
        try:
            return check(answer) if check else answer
        except ValueError as error:
            wrong(str(error))


def secret(question: str, keep: bool) -> str | None:
    """Never shown. None where the one that is there is kept (an empty answer)."""
    hint = " (Enter keeps the one there is)" if keep else ""
    while True:
        answer = str(click.prompt(f"{question}{hint}", default="", hide_input=True, show_default=False))
        if answer == BACK:
            raise Back
        if answer or keep:
            return answer or None
        wrong("it cannot be empty")


def yes(question: str, default: bool) -> bool:
    """y or n."""
    words = {"y": True, "yes": True, "j": True, "ja": True, "n": False, "no": False, "nej": False, "nei": False}
    letter = "Y/n" if default else "y/N"
    while True:
        answer = clean(click.prompt(f"{question} [{letter}]", default="", show_default=False)).lower()
        if answer == BACK:
            raise Back
        if not answer:
            return default
        if answer in words:
            return words[answer]
        wrong("answer y or n")


def choose(question: str, options: Mapping[str, str], default: str) -> str:
    """One of a few, by number or by word; each with a line on what it means."""
    say(question)
    keys = list(options)
    for number, key in enumerate(keys, 1):
        say(f"  {number}  {key:<16} {options[key]}".rstrip())

    def check(answer: str) -> str:
        if answer.isdecimal() and 0 < int(answer) <= len(keys):
            return keys[int(answer) - 1]
        if answer in options:
            return answer
        raise ValueError(f"give a number from 1 to {len(keys)}, or one of the words")

    return text("Which", default, check)


def pick(question: str, there: Mapping[int, str], default: int | None, optional: bool = False) -> int | None:
    """A number of a long list, by the number itself or by a part of the name. ``-`` is none, where optional."""
    hint = ", - for none" if optional else ""
    shown = None if default is None and not optional else str(default) if default is not None else "-"
    while True:
        answer = text(f"{question} (number, or part of the name{hint})", shown)
        if optional and answer == "-":
            return None
        if answer.isdecimal() and int(answer) in there:
            right(f"{answer} {there[int(answer)]}")
            return int(answer)
        found = {number: name for number, name in there.items() if answer.lower() in f"{number} {name}".lower()}
        if len(found) == 1:
            ((number, name),) = found.items()
            if yes(f"  {number} {name}?", default=True):
                return number
            continue
        _list(answer, found)


def _list(answer: str, found: Mapping[int, str]) -> None:
    if not found:
        wrong(f"there is none with {answer!r} in it")
    for number, name in list(found.items())[:SHOWN]:
        say(f"  {number:<8} {name}")
    if len(found) > SHOWN:
        say(f"  … and {len(found) - SHOWN} more: type more of the name")
