"""klarna24 schedule, and a run as cron starts it: no terminal, no session, few variables."""

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import python
from tests.support.schedules import ODD, SOURCES
from tests.support.secrets import private
from tests.support.shops import OpenShop, Result, Shop, simple


def comments(result: Result) -> str:
    """The text of all comments, on one line."""
    return " ".join(line.removeprefix("# ") for line in result.out.splitlines() if line.startswith("# "))


def test_schedule_prints_lines_that_crontab_takes_as_they_are(shop: Shop) -> None:
    """A line for each named profile, or one for all, with comments on what cron does not have."""
    other = {"username": "K2", "password": {"env": None, "systemd": "shop2-klarna"}}
    shop.write(None, shop2={"klarna": other})
    one, two, every = (
        shop.run("schedule", *arguments)
        for arguments in (["--profile", "shop1"], ["--profile", "shop1", "--profile", "shop2"], ["--all"])
    )
    assert [one.code, two.code, every.code] == [0, 0, 0]
    for result, lines in ((one, 1), (two, 2), (every, 1)):
        commands = [line for line in result.out.splitlines() if not line.startswith("#")]
        assert len(commands) == lines
        assert "crontab -e" in result.out
    assert "[profiles.shop1.klarna] password: cron does not have KLARNA24_SANDBOX_KLARNA" in comments(one)
    assert "[profiles.shop2.klarna] password: cron has no systemd credentials" in comments(every)
    assert not shop.state.exists()
    assert shop.run("schedule").code == 2
    assert shop.run("schedule", "--profile", "nobody").code == 3


def test_schedule_prints_the_units_and_where_they_go(shop: Shop) -> None:
    result = shop.run("schedule", "--all", "--systemd")
    assert result.code == 0
    for file in ("klarna24.service", "klarna24.timer"):
        assert f"# /etc/systemd/system/{file}\n[Unit]\n" in result.out
    assert "systemctl enable --now klarna24.timer" in result.out
    assert "a service does not have KLARNA24_SANDBOX_KLARNA" in comments(result)


# As under cron


def as_cron(shop: Shop, home: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LOGNAME": "me", "SHELL": "/bin/sh", **variables}
    command = ("-P", "-m", "klarna24", "--config", str(shop.config), *arguments)
    return python(*command, env=environment, cwd=home, stdin=subprocess.DEVNULL, start_new_session=True)


@pytest.fixture
def shop_of_files(open_shop: OpenShop) -> Shop:
    """With each password in a file of mode 0600, which is named like the sandbox's variable."""
    shop = open_shop(payouts=[simple("XISA93DJ")])
    for name, password in shop.box.environment().items():
        private(shop.folder / name, f"{password}\n")
    return shop


def use_source(shop: Shop, source: str) -> dict[str, str]:
    """Configure both passwords with this source; returns the variables that it needs."""
    klarna, office = shop.box.environment()
    values: dict[str, Any] = {"klarna": klarna, "24sevenoffice": office}
    match source:
        case "keyring":
            values = dict.fromkeys(values, True)
        case "command":
            values = {table: ["cat", str(shop.folder / name)] for table, name in values.items()}
        case "file":
            values = {table: str(shop.folder / name) for table, name in values.items()}
    shop.write({table: {"password": {"env": None, source: value}} for table, value in values.items()})
    if source == "env":
        return shop.box.environment()
    return {"CREDENTIALS_DIRECTORY": str(shop.folder)} if source == "systemd" else {}


def configure_keyring(shop: Shop, home: Path) -> None:
    """A keyring with both passwords that needs no session, configured for the user."""
    klarna, office = shop.box.environment().values()
    (home / "ring.py").write_text(
        "import keyring.backend\n"
        "class Ring(keyring.backend.KeyringBackend):\n"
        "    priority = 1\n"
        "    def get_password(self, service, username):\n"
        f"        return {{'shop1.klarna': {klarna!r}, 'shop1.24sevenoffice': {office!r}}}[username]\n"
        "    def set_password(self, service, username, password): pass\n"
    )
    settings = home / ".config" / "python_keyring" / "keyringrc.cfg"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"[backend]\ndefault-keyring=ring.Ring\nkeyring-path={home}\n")


@pytest.mark.parametrize("source", SOURCES)
def test_a_run_as_under_cron_works_with_each_source_of_secrets(
    shop_of_files: Shop, home: Path, source: str
) -> None:
    """It prints nothing. The crontab or the unit sets the variable, or systemd's folder."""
    variables = use_source(shop_of_files, source)
    if source == "keyring":
        configure_keyring(shop_of_files, home)
    ended = as_cron(shop_of_files, home, "sync", "--all", **variables)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert len(shop_of_files.drafts()) == 1


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("env", "the environment variable that it names is not set"),
        ("file", "can be read by others"),
        ("command", "the command ended with 1"),
        ("systemd", "systemd did not start this"),
        ("keyring", "keyring ended with 1"),
    ],
)
def test_a_run_as_under_cron_ends_with_4_and_the_reason_in_one_line(
    shop_of_files: Shop, home: Path, source: str, reason: str
) -> None:
    use_source(shop_of_files, source)
    for name in shop_of_files.box.environment():
        path = shop_of_files.folder / name
        path.unlink() if source == "command" else path.chmod(0o644)
    began = time.monotonic()
    ended = as_cron(shop_of_files, home, "sync", "--all")
    assert (ended.returncode, ended.stdout) == (4, "")
    assert reason in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert time.monotonic() - began < 45
    assert not shop_of_files.drafts()


@pytest.mark.parametrize("script", ["read word; echo $word", "read word </dev/tty; echo $word"])
def test_a_command_that_prompts_gets_no_answer_and_does_not_hang(
    shop_of_files: Shop, home: Path, script: str
) -> None:
    shop_of_files.write({"klarna": {"password": {"env": None, "command": ["sh", "-c", script]}}})
    ended = as_cron(shop_of_files, home, "sync", "--all")
    assert ended.returncode == 4
    assert "[profiles.shop1.klarna] password" in ended.stderr


# Cron itself


@pytest.fixture
def private_cron(tmp_path: Path) -> Iterator[Any]:
    """Starts Debian's cron with one crontab, in a mount namespace of its own: it sees no other job of this machine
    and leaves nothing behind."""
    cron = shutil.which("cron", path="/usr/sbin:/usr/bin")
    if not cron or not shutil.which("crontab"):
        pytest.skip("cron is not installed")
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("only root can start cron in a mount namespace, where that is allowed")
    running: list[subprocess.Popen[bytes]] = []

    def start(crontab: str) -> "subprocess.Popen[bytes]":
        (tmp_path / "crontab").write_text(crontab)
        script = f"""set -e
            for folder in /var/spool/cron/crontabs /etc/cron.d /run; do mount -t tmpfs tmpfs $folder; done
            mount --bind /dev/null /etc/crontab
            crontab {shlex.quote(str(tmp_path / "crontab"))}
            exec {cron} -f"""
        with (tmp_path / "cron.log").open("wb") as log:
            running.append(subprocess.Popen(["unshare", "-m", "sh", "-c", script], stdout=log, stderr=log))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()


def test_a_real_cron_runs_the_line_that_schedule_printed(
    shop_of_files: Shop, tmp_path: Path, private_cron: Any
) -> None:
    """Within the minute, although the paths have characters that are special to cron and the shell."""
    shop = shop_of_files
    use_source(shop, "file")
    folder = tmp_path / ODD
    folder.mkdir()
    shop.config = shop.config.rename(folder / "profiles.toml")
    printed = shop.run("--state-dir", str(folder / "state"), "schedule", "--all")
    assert printed.code == 0
    comments, line = printed.out.splitlines()[:-1], printed.out.splitlines()[-1]
    every_minute = "* * * * *  " + line.split(maxsplit=5)[5]
    cron = private_cron("\n".join([*comments, every_minute, ""]))
    deadline = time.monotonic() + 90
    while not (shop.drafts() and "completed_at" in (one := status(shop, folder)) and one["completed_at"]):
        assert cron.poll() is None, (tmp_path / "cron.log").read_text()
        assert time.monotonic() < deadline, "cron did not run it"
        time.sleep(0.2)
    assert len(shop.drafts()) == 1


def status(shop: Shop, folder: Path) -> Any:
    return shop.run("--state-dir", str(folder / "state"), "status", "--json").json["profiles"][0]
