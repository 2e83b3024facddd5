"""Secrets come from where profiles.toml says; nothing prompts or hangs, and no secret is ever shown."""

import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from klarna24.config import credentials
from klarna24.config.credentials import fetch
from klarna24.config.values import Secret
from klarna24.errors import CredentialsFault
from tests.support.secrets import WORD, private

NULL = "keyring.backends.null.Keyring"
KeyringOf = Callable[[str], None]


def command(*arguments: str) -> Secret:
    return Secret("command", arguments)


def shell(script: str) -> Secret:
    return command("sh", "-c", script)


def refusal(secret: Secret) -> CredentialsFault:
    """The fault of a secret that cannot be fetched."""
    with pytest.raises(CredentialsFault) as caught:
        fetch(secret, "shop1.klarna")
    assert caught.value.message.startswith("[profiles.shop1.klarna] password: ")
    assert caught.value.hint
    return caught.value


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command must end within a moment."""
    monkeypatch.setattr(credentials, "COMMAND_SECONDS", 0.2)


@pytest.fixture
def silent(capfd: pytest.CaptureFixture[str]) -> Callable[[], bool]:
    """Whether nothing was printed, not even by a process that was started."""
    return lambda: capfd.readouterr() == ("", "")


def assert_dead(beat: Path) -> None:
    """What wrote to ``beat`` while it ran has written, and writes no more."""
    time.sleep(0.1)  # for what was being written
    size = beat.stat().st_size
    assert size
    time.sleep(0.2)
    assert beat.stat().st_size == size


# env


def test_the_value_of_a_variable_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP1", f" {WORD}\n")
    assert fetch(Secret("env", "SHOP1"), "shop1.klarna") == f" {WORD}\n"
    monkeypatch.setenv("SHOP1", f"\ufeff{WORD}")
    assert fetch(Secret("env", "SHOP1"), "shop1.klarna") == WORD, "a byte order mark is no part of it"


# file


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_that_only_its_user_can_read(tmp_path: Path, mode: int) -> None:
    private(tmp_path / "word").chmod(mode)
    assert fetch(Secret("file", str(tmp_path / "word")), "shop1.klarna") == WORD


@pytest.mark.parametrize("mode", [0o640, 0o644, 0o604, 0o620, 0o602, 0o610, 0o777])
def test_a_file_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    file = private(tmp_path / "word")
    file.chmod(mode)
    fault = refusal(Secret("file", str(file)))
    assert f"can be read by others (mode {mode:o})" in fault.message
    assert fault.hint == f"chmod 600 {file}"


def test_the_command_that_closes_a_file_can_be_copied_whatever_its_name(tmp_path: Path) -> None:
    file = private(tmp_path / "Åsas 'word'")
    file.chmod(0o644)
    subprocess.run(refusal(Secret("file", str(file))).hint, shell=True, check=True)
    assert fetch(Secret("file", str(file)), "shop1.klarna") == WORD


def test_a_link_has_the_mode_of_its_target(tmp_path: Path) -> None:
    private(tmp_path / "word").chmod(0o644)
    (tmp_path / "link").symlink_to(tmp_path / "word")
    assert "can be read by others" in refusal(Secret("file", str(tmp_path / "link"))).message


def test_a_file_in_the_home_folder(home: Path) -> None:
    private(home / "word")
    assert fetch(Secret("file", "~/word"), "shop1.klarna") == WORD


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    private(tmp_path / "word").chmod(0)
    assert "Permission denied" in refusal(Secret("file", str(tmp_path / "word"))).message


# command


def test_a_command_is_a_list_of_arguments_without_a_shell() -> None:
    assert fetch(command("printf", "%s", "$HOME; `id` *"), "shop1.klarna") == "$HOME; `id` *"


def test_a_command_that_takes_too_long_is_ended_with_its_children(tmp_path: Path, short: None) -> None:
    beat = tmp_path / "beat"
    script = f"(while :; do echo . >> '{beat}'; sleep 0.02; done) & sleep 60"
    started = time.monotonic()
    assert "the command did not end within 0.2 s" in refusal(shell(script)).message
    assert time.monotonic() - started < 30
    assert_dead(beat)


@pytest.mark.parametrize(
    "script",
    [f"echo {WORD}; sleep 60 &", "trap '' TERM INT HUP; while :; do sleep 1; done"],
    ids=["a child keeps the output open", "signals are ignored"],
)
def test_a_command_cannot_delay_a_run_for_longer(short: None, script: str) -> None:
    assert "did not end" in refusal(shell(script)).message


def test_ctrl_c_ends_the_command_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in a session of its own, which the terminal's Ctrl-C does not reach."""
    beat = tmp_path / "beat"

    def interrupted(*args: Any, **kwargs: Any) -> None:
        while not beat.exists():
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr("subprocess.Popen.communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(shell(f"while :; do echo . >> '{beat}'; sleep 0.02; done"), "shop1.klarna")
    assert_dead(beat)


def test_what_a_command_prints_is_not_shown(silent: Callable[[], bool]) -> None:
    assert fetch(shell(f"echo unlocked by {WORD} >&2; echo {WORD}"), "shop1.klarna") == WORD
    refusal(shell(f"echo {WORD}; echo {WORD} >&2; exit 7"))
    assert silent()


def test_a_command_does_not_read_from_klarna24s_input(short: None) -> None:
    """It sees the end of input at once."""
    reading, writing = os.pipe()
    saved = os.dup(0)
    try:
        os.write(writing, b"typed\n")
        os.dup2(reading, 0)
        assert fetch(shell("read line || echo end"), "shop1.klarna") == "end"
    finally:
        os.dup2(saved, 0)
        for number in (reading, writing, saved):
            os.close(number)


# systemd


def test_a_credential_of_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private(tmp_path / "shop1", f"{WORD}\n")
    secret = Secret("systemd", "shop1")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "")
    assert "CREDENTIALS_DIRECTORY is not set" in refusal(secret).message
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert fetch(secret, "shop1.klarna") == WORD
    missing = refusal(Secret("systemd", "shop2"))
    assert "the systemd credential that it names cannot be read: No such file" in missing.message
    assert "LoadCredential=" in missing.hint


# keyring


@pytest.mark.parametrize("path", ["shop1.klarna", "shop1.24sevenoffice", "notify.email"])
def test_a_keyring_keeps_a_secret_by_its_place_in_the_file(keyring_of: KeyringOf, path: str) -> None:
    keyring_of(f"return '{WORD}' if (service, username) == ('klarna24', '{path}') else None")
    assert fetch(Secret("keyring"), path) == WORD


def test_a_keyrings_secret_is_the_same_in_any_locale(
    keyring_of: KeyringOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring_of(f"return {WORD!a}")
    for name, value in (("LC_ALL", "C"), ("PYTHONCOERCECLOCALE", "0"), ("PYTHONUTF8", "0")):
        monkeypatch.setenv(name, value)
    assert fetch(Secret("keyring"), "shop1.klarna") == WORD


def test_a_keyring_that_waits_to_be_unlocked_is_ended(
    keyring_of: KeyringOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under cron nobody can unlock it."""
    keyring_of("import time; time.sleep(60)")
    monkeypatch.setattr(credentials, "COMMAND_SECONDS", 0.5)
    assert "keyring did not end within 0.5 s" in refusal(Secret("keyring")).message


def test_a_keyring_that_prompts_gets_no_answer(
    tmp_path: Path, keyring_of: KeyringOf, silent: Callable[[], bool]
) -> None:
    keyring_of("return input('Password for the keyring: ')")
    assert "keyring ended with 1" in refusal(Secret("keyring")).message
    assert (tmp_path / "asked").exists()
    assert silent()


@pytest.mark.parametrize("backend", [NULL, "keyring.backends.fail.Keyring", "no.such.Keyring"])
def test_no_keyring_or_an_empty_one(
    monkeypatch: pytest.MonkeyPatch, silent: Callable[[], bool], backend: str
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backend)
    assert "keyring ended with 1" in refusal(Secret("keyring")).message
    assert silent(), "not even the library's traceback"


def test_no_keyring_is_imported_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keyring.py").write_text("print('mine')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", NULL)
    refusal(Secret("keyring"))


# What a source contains


@pytest.fixture(params=["file", "command", "systemd"])
def containing(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[bytes], Secret]:
    """Makes a source with this content."""

    def make(content: bytes) -> Secret:
        file = private(tmp_path / "word", content)
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
        return {
            "file": Secret("file", str(file)),
            "command": command("cat", str(file)),
            "systemd": Secret("systemd", "word"),
        }[request.param]

    return make


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        *((b"word", "word"), (b"word\n", "word"), (b"word\n\n", "word\n"), (b"\nword", "\nword")),
        *((b"word\r\n", "word"), (b"word\r\n\r\n", "word\r\n"), (b"word\r", "word\r"), (b"word\n\r", "word\n\r")),
        *(
            (b"\xef\xbb\xbfword\n", "word"),
            (b"wo\xef\xbb\xbfrd", "wo\ufeffrd"),
            (b" word \n", " word "),
            (b"a\nb\n", "a\nb"),
            ("åäö\n".encode(), "åäö"),
            (b"word\t\n", "word\t"),
        ),
    ],
    ids=repr,
)
def test_one_trailing_newline_is_dropped_and_nothing_else(
    containing: Callable[[bytes], Secret], content: bytes, secret: str
) -> None:
    assert fetch(containing(content), "shop1.klarna") == secret


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n"])
def test_an_empty_secret_is_refused(containing: Callable[[bytes], Secret], content: bytes) -> None:
    assert "is empty" in refusal(containing(content)).message


@pytest.mark.parametrize("content", [b"hemligt-\xe5\n", b"\xff\xfeh\0", b"hemligt\xc3"])
def test_a_secret_that_is_not_utf8_is_refused(containing: Callable[[bytes], Secret], content: bytes) -> None:
    fault = refusal(containing(content))
    assert "not UTF-8" in fault.message
    assert ("UTF-16" in fault.message) == content.startswith(b"\xff\xfe")
    assert "hemligt" not in fault.message
    assert fault.__cause__ is None
    assert fault.__suppress_context__ or fault.__context__ is None, "the error below contains the bytes"


def test_a_secret_that_is_too_long_is_refused_not_cut(containing: Callable[[bytes], Secret]) -> None:
    assert len(fetch(containing(b"x" * 2**16), "shop1.klarna")) == 2**16
    assert "longer than 64 KiB" in refusal(containing(b"x" * (2**16 + 1))).message


def test_a_fault_names_the_place_in_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP1", raising=False)
    for path, place in (("notify.email", "notify.email"), ("shop1.notify.email", "profiles.shop1.notify.email")):
        with pytest.raises(CredentialsFault, match=re.escape(f"[{place}] password: ")):
            fetch(Secret("env", "SHOP1"), path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    file = private(tmp_path / "word")
    os.chown(file, 65534, 65534)
    fault = refusal(Secret("file", str(file)))
    assert "belongs to another user" in fault.message
    assert fault.hint == f"chown {os.geteuid()} {file}"
