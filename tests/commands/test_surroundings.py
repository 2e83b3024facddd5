"""What a program is started with: streams, a home folder, a user, a locale, limits. None of it changes a run."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import LONG, ROOT, data
from tests.support.bookkeeping import merged
from tests.support.mail_server import OpenMail, email, odd
from tests.support.processes import statuses, terminal, wait_until
from tests.support.shops import OpenShop, Shop, simple

Homes = Callable[[Path | None], None]
NO_HOME = "unset HOME XDG_CONFIG_HOME XDG_STATE_HOME"


def ended(shop: Shop, before: str, *arguments: str, after: str = "", **options: Any) -> tuple[int, str]:
    """The exit code and all output of klarna24, after shell commands and with redirections."""
    command = shlex.join([sys.executable, "-m", "klarna24", *arguments])
    done = subprocess.run(
        ["sh", "-c", f"{before or ':'}; exec {command} {after}"],
        cwd=ROOT,
        env={**os.environ, **shop.box.environment()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
        **options,
    )
    return done.returncode, done.stdout


BEFORE, AFTER = data(__file__, "surroundings.toml").values()
EACH_ALONE = [(it, "") for it in BEFORE.values()] + [("", it) for it in AFTER.values()]
SEVERAL = [("; ".join([*BEFORE.values()][at :: len(AFTER)]), it) for at, it in enumerate(AFTER.values())]


@pytest.mark.parametrize(("before", "after"), EACH_ALONE if LONG else SEVERAL)
def test_a_run_goes_on_as_always(open_shop: OpenShop, open_mail: OpenMail, before: str, after: str) -> None:
    shop, mail = open_shop(payouts=[simple("GOOD"), odd("ODD")]), open_mail()
    shop.write(merged(email(shop, mail), {"notify": {"heartbeat": {"url": f"{shop.box.url}/ping/x"}}}))
    code, text = ended(shop, before, "--config", str(shop.config), "-vv", "sync", "--all", "--json", after=after)
    assert (code, "Traceback" in text, "Exception ignored" in text) == (7, False, False), text
    assert [name.split()[1] for name in shop.drafts()] == ["GOOD"]
    assert len(mail.mails) == 1
    assert [it.path for it in shop.box.requests if "/ping/" in it.path] == ["/ping/x/start", "/ping/x/7"]
    readable = [path for path in shop.state.rglob("*") if path.stat().st_mode & 0o077]
    assert readable == []


COMMANDS = {"--help": 0, "--version": 0, "schedule --all": 0, "status": 0, "sync": 2, "nonsense": 2}
WITHOUT_OUTPUT = [(*command, after) for command in COMMANDS.items() for after in (">&- 2>&-", "full", "head")]


@pytest.mark.parametrize(("arguments", "expected", "after"), WITHOUT_OUTPUT if LONG else WITHOUT_OUTPUT[::2])
def test_output_that_cannot_be_written_changes_no_exit_code(
    shop: Shop, arguments: str, expected: int, after: str
) -> None:
    words = ["--config", str(shop.config), *arguments.split()]
    if after == "head":
        code, text = ended(shop, "", *words, after="2>/dev/null | head -c 1; true")
        assert (code, "Traceback" in text) == (0, False)
    else:
        after = ">/dev/full 2>/dev/full" if after == "full" else after
        assert ended(shop, "", *words, after=after) == (expected, "")


def test_without_an_input_a_question_is_not_asked(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[odd("ODD")])
    assert shop.sync().code == 7
    for words in (["init"], ["resolve", "--profile", "shop1", "ODD", "--skip"]):
        code, text = ended(shop, "", "--config", str(shop.config), *words, after="<&-")
        assert (code, "Traceback" in text) == (2, False)
        assert "terminal" in text


def test_a_pipe_that_somebody_made_non_blocking_loses_nothing() -> None:
    """Node and ssh do that to a pipe which they share; a print into a full one would then fail."""
    script = "from klarna24.cli.surroundings import make_usable; make_usable(); print('x' * 10**6)"
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=writing) as process:
        os.close(writing)
        time.sleep(0.3)  # until it is full
        with os.fdopen(reading, "rb") as pipe:
            assert pipe.read() == b"x" * 10**6 + b"\n"
    assert process.returncode == 0


# A home folder


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Homes:
    """Gives each user this home folder in the system's list of users; for None, the list is empty."""

    def give(home: Path | None) -> None:
        user = f"pwd.struct_passwd(('shop', 'x', 1, 1, '', {str(home)!r}, ''))" if home else "{}[number]"
        (tmp_path / "sitecustomize.py").write_text(f"import pwd\npwd.getpwuid = lambda number: {user}\n")
        monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")

    return give


def with_state_dir(shop: Shop, folder: str | None) -> list[str]:
    """Changes profiles.toml; returns the options that name it."""
    lines = shop.config.read_text("utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("state_dir")]
    shop.config.write_text("\n".join([*([f'state_dir = "{folder}"'] if folder else []), *kept]), "utf-8")
    return ["--config", str(shop.config)]


@pytest.mark.parametrize(
    ("variables", "state_dir", "state"),
    [
        ("HOME=home", None, ".local/state/klarna24"),
        ("HOME=home", "~/state", "state"),
        ("HOME=", "~/state", "state"),
        ("XDG_STATE_HOME=state", None, ".local/state/klarna24"),
    ],
)
def test_a_relative_home_does_not_make_a_second_state(
    shop: Shop, tmp_path: Path, home: Path, homes: Homes, variables: str, state_dir: str | None, state: str
) -> None:
    """As another state is empty, all would be drafted once more."""
    homes(home)
    (tmp_path / "elsewhere").mkdir()
    before = f"cd {tmp_path}/elsewhere; export {variables}"
    code, text = ended(shop, before, *with_state_dir(shop, state_dir), "sync", "--all")
    assert (code, "Traceback" in text) == (7, False)
    assert (home / state / "klarna24.sqlite").is_file()
    assert [*(tmp_path / "elsewhere").iterdir()] == []


@pytest.mark.parametrize("state_dir", [True, False])
def test_a_user_without_a_name_and_a_home(open_shop: OpenShop, homes: Homes, state_dir: bool) -> None:
    """A container may run as a number that the system's list of users does not have."""
    homes(None)
    shop = open_shop(payouts=[simple("GOOD")])
    config = ["--config", str(shop.config)] if state_dir else with_state_dir(shop, None)
    commands = [[*config, "sync", "--all"], ["sync", "--all"], [*config, "log"]]
    results = [ended(shop, f"{NO_HOME} LOGNAME USER LNAME USERNAME", *words) for words in commands]
    assert "Traceback" not in str(results)
    assert "there is no home folder: HOME is not set → set HOME, or give --config FILE" in results[1][1]
    assert [code for code, _ in results] == ([0, 3, 0] if state_dir else [3, 3, 3])
    assert (f"  {os.geteuid()}@" in results[2][1]) == state_dir
    assert len(shop.drafts()) == state_dir


def test_a_relative_path_without_a_current_folder_is_a_fault(shop: Shop) -> None:
    before = BEFORE["no current folder"]
    code, text = ended(shop, before, "--config", "profiles.toml", "sync", "--all")
    assert (code, text.count("\n")) == (3, 1)
    assert "the current folder no longer exists" in text


# SIGHUP


def test_a_terminal_that_is_closed_lets_the_save_finish(open_shop: OpenShop) -> None:
    """SIGHUP, and then each print fails."""
    shop = open_shop(payouts=[simple("FIRST"), simple("SECOND")])
    shop.box.faults.arm("slow", seconds=3, operation="SaveBundleList")
    child = terminal(shop.config, "sync", "--all", **shop.box.environment())
    wait_until(shop.drafts)
    child.ptyproc.fileobj.close()
    assert child.wait() == 129
    assert statuses(shop) == {"SECOND": "ready"}, "the first is recorded as drafted"
    assert len(shop.drafts()) == 1


@pytest.mark.parametrize("before", ["trap '' HUP", "trap '' INT"])
def test_an_ignored_signal_stays_ignored(open_shop: OpenShop, before: str) -> None:
    """As nohup does for SIGHUP, and a script for Ctrl-C where it starts something with &."""
    shop = open_shop(payouts=[simple("FIRST"), simple("SECOND")])
    shop.box.faults.arm("slow", seconds=0.5, operation="SaveBundleList")
    command = shlex.join([sys.executable, "-m", "klarna24", "--config", str(shop.config), "sync", "--all"])
    environment = {**os.environ, **shop.box.environment()}
    with subprocess.Popen(["sh", "-c", f"{before}; exec {command}"], cwd=ROOT, env=environment) as process:
        wait_until(shop.drafts)
        process.send_signal(signal.Signals[f"SIG{before[-3:].strip()}"])
        assert process.wait(30) == 0
    assert len(shop.drafts()) == 2
