"""A traceback is as Python prints it, but for secrets, control characters and what a server's answer says."""

import pytest
from pydantic import TypeAdapter

from klarna24.logs.redaction import register_secret
from klarna24.logs.tracebacks import print_traceback, traceback_lines


def test_a_traceback_is_as_pythons_but_redacted(capsys: pytest.CaptureFixture[str]) -> None:
    register_secret("hemligt'word")
    try:
        try:
            raise KeyError("hemligt'word")
        except KeyError as error:
            raise ValueError("not hemligt'word\x1b[31m\nsecond line") from error
    except ValueError:
        print_traceback()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert 'KeyError: "[secret]"' in lines
    assert "The above exception was the direct cause of the following exception:" in lines
    assert lines[lines.index("ValueError: not [secret][31m") + 1] == "second line"


def test_the_message_of_a_library_that_reads_answers_is_not_shown() -> None:
    """It quotes the answer, and names people."""
    name = "Anna Svensson"
    try:
        try:
            TypeAdapter(int).validate_python(name)
        except ValueError as error:
            raise ZeroDivisionError("ours") from error
    except ZeroDivisionError as error:
        text = "\n".join(traceback_lines(error))
    assert "Anna" not in text
    assert "ValidationError: (" in text
    assert "ZeroDivisionError: ours" in text
    assert traceback_lines(None) == []
