"""The manual page, made of the commands themselves.

``python -m tests.support.manual`` writes it to docs/man, from where the wheel has it; a test compares the two.
"""

from collections.abc import Iterator

import click

from klarna24 import __version__
from klarna24.cli.main import COMMANDS, EXIT_CODES, klarna24
from tests.support import ROOT

PAGE = ROOT / "docs" / "man" / "klarna24.1"


def manual() -> str:
    """The text of the page."""
    return "\n".join(_manual()) + "\n"


def _manual() -> Iterator[str]:
    group = click.Context(klarna24, info_name="klarna24", **klarna24.context_settings)
    yield f'.TH KLARNA24 1 "" "klarna24 {__version__}"'
    yield ".SH NAME"
    yield r"klarna24 \- drafts Klarna's payouts as vouchers in 24SevenOffice"
    yield ".SH SYNOPSIS"
    yield r".B klarna24 \fR[\fIOPTIONS\fR] \fICOMMAND\fR [\fIARGUMENTS\fR]"
    yield ".SH DESCRIPTION"
    yield from _text(klarna24.help or "")
    yield ".SH OPTIONS"
    yield from _options(klarna24, group)
    yield ".SH COMMANDS"
    for name in COMMANDS:
        command = klarna24.get_command(group, name)
        assert command
        context = click.Context(command, info_name=name, parent=group)
        usage = " ".join(command.collect_usage_pieces(context))
        yield f".SS klarna24 {_escaped(name)} {_escaped(usage)}"
        yield from _text(command.help or "")
        yield from _options(command, context)
    yield ".SH EXIT STATUS"
    for line in EXIT_CODES.splitlines()[2:]:
        code, _, meaning = line.strip().partition("  ")
        yield from (".TP", f".B {code}", _escaped(meaning))
    yield ".SH FILES"
    yield "profiles.toml in the user's configuration folder, and the state in the user's state folder;"
    yield r".B klarna24 check"
    yield "shows both."


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record and isinstance(
            parameter, click.Option
        ):  # newer versions of click have an empty one for arguments
            yield from (".TP", f".B {_escaped(record[0])}", _escaped(record[1]))


def _text(text: str) -> Iterator[str]:
    """The paragraphs of a help text."""
    for number, paragraph in enumerate(text.replace("\b\n", "").split("\n\n")):
        if number:
            yield ".PP"
        yield _escaped(" ".join(paragraph.split()))


def _escaped(text: str) -> str:
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{text}" if text.startswith((".", "'")) else text


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(manual(), encoding="utf-8")
