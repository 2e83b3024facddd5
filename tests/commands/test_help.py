"""The help of every command, on a terminal of 80 columns."""

import click
import pytest

from klarna24.cli.main import COMMANDS, klarna24, run


def command_named(name: str) -> click.Command:
    command = klarna24.get_command(click.Context(klarna24), name)
    assert command
    return command


def help_text(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run([*arguments, "--help"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("arguments", [(), *((name,) for name in COMMANDS)])
def test_the_help_fits_80_columns(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    text = help_text(capsys, *arguments)
    assert max(map(len, text.splitlines())) <= 80
    assert "..." not in text.replace("COMMAND [ARGS]...", ""), "something is cut short"


def test_the_table_of_faults_fits_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sandbox", "--fault", "list"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_the_summaries_are_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(help_text(capsys).split())
    assert [summary for name, summary in COMMANDS.items() if f" {name} {summary} " not in text] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_help_begins_with_its_summary(name: str) -> None:
    assert (command_named(name).help or "").split("\n\n")[0] == COMMANDS[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_described_in_a_sentence(name: str) -> None:
    options = [it for it in [*klarna24.params, *command_named(name).params] if isinstance(it, click.Option)]
    assert [option.name for option in options if not (option.help or "").endswith(".")] == []
