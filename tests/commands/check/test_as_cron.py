"""klarna24 check --as-cron: what cron has and what it does not."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from klarna24.check import as_cron
from tests.support.checks import run_check, write
from tests.support.shops import Shop


@pytest.fixture
def cron_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder by the system's list of users, which is not the HOME of this session."""
    folder = tmp_path / "cron-home"
    folder.mkdir()
    monkeypatch.setattr(as_cron, "user", lambda: ("shopkeeper", str(folder)))
    return folder


def run_instead(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """The child runs this shell script instead of klarna24."""
    monkeypatch.setattr(as_cron, "program", lambda: ["/bin/sh", "-c", script])


def test_cron_can_read_a_file(healthy: Shop, cron_home: Path) -> None:
    found = run_check(healthy, "--as-cron")
    assert {check.status for check in found.checks.values()} == {"ok"}
    result = healthy.run("check", "--as-cron")
    assert result.code == 0
    assert result.out.startswith("shop1, as cron runs it\n")
    assert "all checks passed" in result.out
    assert not list(cron_home.iterdir())


@pytest.mark.parametrize(
    "source", [{"env": "WORD"}, {"keyring": True}, {"systemd": "k"}], ids=lambda it: next(iter(it))
)
def test_cron_does_not_have_the_sources_of_this_session(
    healthy: Shop,
    cron_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    keyring_of: Callable[[str], None],
    source: dict[str, Any],
) -> None:
    keyring_of(f"return {healthy.box.klarna.password!r}")
    monkeypatch.setenv("WORD", healthy.box.klarna.password)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(healthy.folder))
    write(healthy, {"klarna": {"password": {"file": None, "env": None, **source}}})
    assert run_check(healthy).code == 0
    found = run_check(healthy, "--as-cron")
    password = found["klarna.password"]
    assert (found.code, password.status) == (4, "failed")
    assert "that it names is not set" in password.message or "env" not in source
    assert password.next == "klarna24 schedule --systemd" or "systemd" not in source
    assert healthy.run("-q", "check", "--as-cron").code == 4


def test_a_command_gets_what_cron_gives_it(healthy: Shop, cron_home: Path) -> None:
    """Four variables, no terminal, and the home folder of the crontab's owner."""
    output = healthy.folder / "output"
    script = f"{{ env; pwd; (: < /dev/tty) 2>/dev/null && echo a terminal; }} > {output}; cat {healthy.folder}/k"
    write(healthy, {"klarna": {"password": {"file": None, "env": None, "command": ["/bin/sh", "-c", script]}}})
    assert run_check(healthy, "--as-cron").code == 0
    # the shell adds PWD, and Python adds LC_CTYPE where there is no locale
    added = ("PWD=", "OLDPWD=", "_=", "SHLVL=", "LC_CTYPE=")
    given = sorted(line for line in output.read_text().splitlines() if not line.startswith(added))
    variables = ["PATH=/usr/bin:/bin", f"HOME={cron_home}", "LOGNAME=shopkeeper", "SHELL=/bin/sh"]
    assert given == sorted([*variables, str(cron_home)])


def test_the_state_folder_of_the_command_line_is_passed_on(healthy: Shop, cron_home: Path, tmp_path: Path) -> None:
    healthy.run("--state-dir", str(tmp_path / "elsewhere"), "check", "--as-cron")
    assert (tmp_path / "elsewhere" / "klarna24.sqlite").exists()
    assert not healthy.state.exists()


def test_a_check_that_does_not_end_is_killed(
    healthy: Shop, cron_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(as_cron, "TIMEOUT_SECONDS", 0.2)
    run_instead(monkeypatch, "sleep 60")
    result = healthy.run("check", "--as-cron", "--json")
    assert result.code == 5
    assert "did not end within 0 s" in result.json["problems"][0]["message"]


def test_ctrl_c_ends_the_child_too(healthy: Shop, cron_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a session of its own, so that the terminal's Ctrl-C does not reach it."""
    beat = healthy.folder / "beat"
    run_instead(monkeypatch, f"while :; do echo . >> '{beat}'; sleep 0.02; done")

    def interrupted(*_: object, **__: object) -> None:
        while not beat.exists():
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr("subprocess.Popen.communicate", interrupted)
    assert healthy.run("check", "--as-cron").code == 130
    time.sleep(0.1)
    size = beat.stat().st_size
    time.sleep(0.2)
    assert beat.stat().st_size == size


def test_a_problem_or_a_bug_of_the_child_is_printed(
    healthy: Shop, cron_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file changed after this process had read it, for example."""
    problem = '{"code": "config", "message": "no such file", "hint": "klarna24 init", "payment_reference": null}'
    document = f'{{"exit_code": 3, "profiles": [], "problems": [{problem}]}}'
    run_instead(monkeypatch, f"echo '{document}'")
    result = healthy.run("-q", "check", "--as-cron")
    assert (result.code, result.lines()) == (3, ["klarna24: no such file → klarna24 init"])
    run_instead(monkeypatch, "echo Traceback of the child >&2; exit 1")
    result = healthy.run("check", "--as-cron")
    assert (result.code, "Traceback of the child" in result.err) == (1, True)


def test_a_user_without_a_home_folder_is_checked_in_the_root_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = str(tmp_path / "missing")
    monkeypatch.setattr(as_cron, "user", lambda: ("nobody", home))
    variables = {"PATH": "/usr/bin:/bin", "HOME": home, "LOGNAME": "nobody", "SHELL": "/bin/sh"}
    assert as_cron.environment() == (variables, "/")
