"""What starts a run: the crontab line and the units, read by cron, by the shell and by systemd themselves."""

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from klarna24.config.loading import Config, load
from klarna24.errors import UsageFault
from klarna24.schedule import crontab as schedule
from tests.support import ROOT
from tests.support.bookkeeping import PROFILE, Json, merged
from tests.support.shops import OpenShop, Shop, simple

ODD = '50% "odd" it\'s $HOME åäö; rm -rf * ~'
SECRETS: dict[str, dict[str, Any]] = {
    "env": {"env": "SHOP1"},
    "file": {"file": "/etc/klarna24/shop1"},
    "command": {"command": ["pass", "show", "klarna"]},
    "systemd": {"systemd": "shop1-klarna"},
    "keyring": {"keyring": True},
}


def written(folder: Path, *names: str, state_dir: Path | None = None, over: Json | None = None) -> Config:
    """The settings of a profiles.toml in that folder, with these profiles."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "profiles.toml"
    profiles = {name: merged(PROFILE, over or {}) for name in names or ("shop1",)}
    top = {"state_dir": str(state_dir)} if state_dir else {}
    path.write_text(tomli_w.dumps({**top, "profiles": profiles}))
    path.chmod(0o600)
    return load(path)


def password(source: str) -> Json:
    """What it takes to have Klarna's password from there."""
    return {"klarna": {"password": {"env": None, **SECRETS[source]}}}


# The crontab line


def as_cron_reads(line: str) -> tuple[list[str], str]:
    """The five fields, and what cron hands to the shell: up to a bare %, with \\% as %."""
    *fields, command = line.split(maxsplit=5)
    before, _, rest = command.replace("\\%", "\0").partition("%")
    assert not rest
    return fields, before.replace("\0", "%")


@pytest.mark.parametrize(
    "part", ["a b", "100%", 'say "hi"', "it's", "åäö", "$HOME", "`id`", "a;b&c|d", "*~!#", ODD]
)
def test_the_line_read_back_by_a_shell_is_the_command(tmp_path: Path, part: str) -> None:
    settings = replace(written(tmp_path / part), state_dir=tmp_path / part / "state")
    _, command = as_cron_reads(schedule.crontab_line(settings, "shop1"))
    shown = subprocess.run(
        ["/bin/sh", "-c", f"printf '%s\\0' {command}"], cwd="/", capture_output=True, text=True, check=True
    )
    assert shown.stdout.split("\0")[:-1] == [
        *schedule.program(),
        *("--config", str(tmp_path / part / "profiles.toml")),
        *("--state-dir", str(tmp_path / part / "state")),
        *("sync", "--profile", "shop1"),
    ]


@pytest.mark.parametrize("part", ["back\\slash", "new\nline"])
def test_what_no_crontab_can_hold_is_refused(tmp_path: Path, part: str) -> None:
    with pytest.raises(UsageFault, match="a crontab line cannot hold"):
        schedule.crontab_line(written(tmp_path / part), None)


def test_every_path_is_absolute_and_the_program_is_the_one_that_is_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "klarna24"
    script.touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["klarna24", "schedule", "--all"])
    assert schedule.program() == [str(script)]
    monkeypatch.setattr(sys, "argv", [str(ROOT / "klarna24" / "__main__.py")])
    assert schedule.program() == [sys.executable, "-P", "-m", "klarna24"]
    written(tmp_path)
    _, command = as_cron_reads(schedule.crontab_line(load(Path("profiles.toml"), Path("state")), None))
    assert f"--config {tmp_path}/profiles.toml --state-dir {tmp_path}/state sync --all" in command


def test_what_a_run_finds_by_itself_is_not_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself: in cron's environment, with the HOME that the system's list of users gives it."""
    monkeypatch.setattr(schedule, "user", lambda: ("me", str(home)))
    written(home / ".config" / "klarna24")
    assert schedule.crontab_line(load(), None).endswith("klarna24 sync --all")
    monkeypatch.setenv("KLARNA24_STATE_DIR", str(tmp_path))
    assert f"--state-dir {tmp_path} sync" in schedule.crontab_line(load(), None), "cron has no such variable"
    monkeypatch.delenv("KLARNA24_STATE_DIR")
    monkeypatch.setattr(schedule, "user", lambda: ("me", "/home/me"))
    assert f"--config {home}/.config/" in schedule.crontab_line(load(), None), "HOME was another's"
    in_file = written(tmp_path / "elsewhere", state_dir=tmp_path / "state")
    assert schedule.crontab_line(in_file, None).endswith("profiles.toml sync --all"), "the file says it"


def test_not_all_shops_run_at_the_same_time_and_each_always_at_its_own(tmp_path: Path) -> None:
    """Between 03:00 and 06:00: no clock change skips or repeats these hours, where klarna24's users are."""
    names = [f"shop{number}" for number in range(200)]
    settings = written(tmp_path, *names)
    times = [tuple(schedule.crontab_line(settings, name).split()[:5]) for name in names]
    assert times == [tuple(schedule.crontab_line(settings, name).split()[:5]) for name in names]
    assert all(0 <= int(minute) < 60 and 3 <= int(hour) < 6 for minute, hour, *_ in times)
    assert all(time[2:] == ("*", "*", "*") for time in times)
    assert max(Counter(times).values()) <= 6
    assert len(set(times)) > 100
    merchants = {
        schedule.crontab_line(written(tmp_path, over={"24sevenoffice": {"client_id": number}}), None).split()[0]
        for number in range(1, 50)
    }
    assert len(merchants) > 20, "every merchant's first profile is called shop1"


def test_schedule_prints_lines_that_crontab_takes_as_they_are(shop: Shop) -> None:
    """A line for each profile that is named, or one for all; what cron has not is said in comments."""
    shop.write(None, shop2={"klarna": {"password": {"env": None, **SECRETS["systemd"]}}})
    one, two, every = (
        shop.run("schedule", *arguments)
        for arguments in (["--profile", "shop1"], ["--profile", "shop1", "--profile", "shop2"], ["--all"])
    )
    assert [one.code, two.code, every.code] == [0, 0, 0]
    for result, lines in ((one, 1), (two, 2), (every, 1)):
        commands = [line for line in result.out.splitlines() if not line.startswith("#")]
        assert len(commands) == lines
        assert "crontab -e" in result.out
    assert "[profiles.shop1.klarna] password: cron has no KLARNA24_SANDBOX_KLARNA" in one.out
    assert "[profiles.shop2.klarna] password: cron has no systemd credentials" in every.out
    assert not shop.state.exists()
    assert shop.run("schedule").code == 2
    assert shop.run("schedule", "--profile", "nobody").code == 3


# systemd


def test_the_units_read_back_are_the_command_and_the_state_folder(tmp_path: Path) -> None:
    """By systemd's rules: words and quotes as a shell's, then %% is %, and in the arguments $$ is $."""
    odd = tmp_path / (ODD + "\\")
    settings = replace(written(odd), state_dir=odd / "state")
    service = schedule.systemd_units(settings, "shop1")["klarna24-shop1.service"]
    lines = dict(line.split("=", 1) for line in service.splitlines() if "=" in line and not line.startswith("#"))
    command = [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(lines["ExecStart"])]
    assert command == schedule._command(settings, "shop1")
    assert [word.replace("%%", "%") for word in shlex.split(lines["ReadWritePaths"])] == [str(odd / "state")]
    with pytest.raises(UsageFault, match="a unit file cannot hold"):
        schedule.systemd_units(written(tmp_path / "new\nline"), None)


@pytest.mark.parametrize("name", ["shop1", None])
@pytest.mark.parametrize("source", SECRETS)
def test_systemd_accepts_the_units(tmp_path: Path, source: str, name: str | None) -> None:
    """Without a word: it ends with 0 even where it has ignored a line."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    settings = written(tmp_path / ODD, state_dir=tmp_path / ODD / "state", over=password(source))
    units = schedule.systemd_units(settings, name)
    for file, text in units.items():
        (tmp_path / file).write_text(text)
    verified = subprocess.run(
        ["systemd-analyze", "verify", *units], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


def test_the_service_is_shut_in_and_the_timer_makes_up_for_a_night_that_was_missed(tmp_path: Path) -> None:
    settings = written(tmp_path, "shop1", "shop2", over=password("systemd"))
    service, timer = schedule.systemd_units(settings, "shop1").values()
    lines = service.splitlines()
    for line in (
        "Type=oneshot",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "UMask=0077",
        f"User={schedule.user()[0]}",
        f"ReadWritePaths={settings.state_dir}",
        "LoadCredential=shop1-klarna:/etc/credstore/shop1-klarna",
    ):
        assert line in lines
    assert service.count("LoadCredential=") == 1
    (stop,) = (int(line.partition("=")[2]) for line in lines if line.startswith("TimeoutStopSec="))
    assert stop > 120, "what a save under way may take"
    assert {"Persistent=true", "RandomizedDelaySec=15min"} <= set(timer.splitlines())
    assert list(schedule.systemd_units(settings, None)) == ["klarna24.service", "klarna24.timer"]


def test_the_service_sees_of_the_home_and_of_tmp_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(written(tmp_path, over=password("file")), path=Path("/etc/klarna24/profiles.toml"))
    settings = replace(settings, state_dir=Path("/var/lib/klarna24/shops"))
    monkeypatch.setattr(schedule, "_paths", lambda settings, name: [settings.path, settings.state_dir])

    def lines(settings: Config) -> set[str]:
        return set(schedule.systemd_units(settings, None)["klarna24.service"].splitlines())

    assert {"ProtectHome=tmpfs", "PrivateTmp=yes", "StateDirectory=klarna24/shops"} <= lines(settings)
    assert "ProtectHome=read-only" in lines(replace(settings, path=Path("/home/me/profiles.toml")))
    assert "PrivateTmp=no" in lines(replace(settings, path=Path("/tmp/klarna24/profiles.toml")))
    for source in ("command", "keyring"):
        other = written(tmp_path, over=password(source))
        assert "ProtectHome=read-only" in lines(replace(settings, profiles=other.profiles))


def test_schedule_prints_the_units_and_where_they_go(shop: Shop) -> None:
    result = shop.run("schedule", "--all", "--systemd")
    assert result.code == 0
    for file in ("klarna24.service", "klarna24.timer"):
        assert f"# /etc/systemd/system/{file}\n[Unit]\n" in result.out
    assert "systemctl enable --now klarna24.timer" in result.out
    assert "a service has no KLARNA24_SANDBOX_KLARNA" in result.out


# As under cron: no terminal, no session, no environment to speak of


def as_cron(shop: Shop, home: Path, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", "-m", "klarna24", "--config", str(shop.config), *arguments],
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), "LOGNAME": "me", "SHELL": "/bin/sh", **more},
        cwd=home,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def shop_of_files(open_shop: OpenShop) -> Shop:
    """With its passwords in 0600 files beside the state: what any source can be made to hand over."""
    shop = open_shop(payouts=[simple("XISA93DJ")])
    for name, word in shop.box.environment().items():
        (shop.folder / name).write_text(f"{word}\n")
        (shop.folder / name).chmod(0o600)
    return shop


def keep_in(shop: Shop, source: str) -> dict[str, str]:
    """Both passwords from there; the variables that the source needs, whoever sets them."""
    klarna, office = shop.box.environment()
    tables = {name: {"env": None, source: value} for name, value in values(shop, source, klarna, office).items()}
    shop.write({name: {"password": table} for name, table in tables.items()})
    if source == "env":
        return shop.box.environment()
    return {"CREDENTIALS_DIRECTORY": str(shop.folder)} if source == "systemd" else {}


def values(shop: Shop, source: str, klarna: str, office: str) -> dict[str, Any]:
    names = {"klarna": klarna, "24sevenoffice": office}
    if source == "keyring":
        return dict.fromkeys(names, True)
    if source == "command":
        return {table: ["cat", str(shop.folder / name)] for table, name in names.items()}
    if source == "file":
        return {table: str(shop.folder / name) for table, name in names.items()}
    return names


def a_keyring_that_answers(shop: Shop, home: Path) -> None:
    """A backend of two words that needs no session, named where keyring looks for its settings."""
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


@pytest.mark.parametrize("source", SECRETS)
def test_a_run_as_under_cron_works_with_each_source_of_secrets(
    shop_of_files: Shop, home: Path, source: str
) -> None:
    """Silently. A variable and systemd's folder are there where crontab or unit say so."""
    more = keep_in(shop_of_files, source)
    if source == "keyring":
        a_keyring_that_answers(shop_of_files, home)
    ended = as_cron(shop_of_files, home, "sync", "--all", **more)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert len(shop_of_files.drafts()) == 1


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("env", "the environment variable KLARNA24_SANDBOX_KLARNA is not set"),
        ("file", "can be read by others"),
        ("command", "cat ended with 1"),
        ("systemd", "not run by systemd"),
        ("keyring", "keyring ended with 1"),
    ],
)
def test_or_ends_with_4_and_the_reason(shop_of_files: Shop, home: Path, source: str, reason: str) -> None:
    """The reason is one line, so that the mail from cron is one."""
    keep_in(shop_of_files, source)
    for name in shop_of_files.box.environment():
        path = shop_of_files.folder / name
        path.unlink() if source == "command" else path.chmod(0o644)
    began = time.monotonic()
    ended = as_cron(shop_of_files, home, "sync", "--all")
    assert (ended.returncode, ended.stdout) == (4, "")
    assert reason in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert time.monotonic() - began < 15
    assert not shop_of_files.drafts()


@pytest.mark.parametrize("script", ["read word; echo $word", "read word </dev/tty; echo $word"])
def test_a_command_that_asks_gets_no_answer_and_does_not_hang(
    shop_of_files: Shop, home: Path, script: str
) -> None:
    shop_of_files.write({"klarna": {"password": {"env": None, "command": ["sh", "-c", script]}}})
    ended = as_cron(shop_of_files, home, "sync", "--all")
    assert ended.returncode == 4
    assert "[profiles.shop1.klarna] password" in ended.stderr


# And cron itself


@pytest.fixture
def private_cron(tmp_path: Path) -> Iterator[Any]:
    """Start Debian's cron with one crontab, in a mount namespace of its own: it sees no other job of this
    machine, and leaves nothing behind."""
    cron = shutil.which("cron", path="/usr/sbin:/usr/bin")
    if not cron or not shutil.which("crontab"):
        pytest.skip("cron is not installed")
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("cron is started by root, in a mount namespace: not allowed here")
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
    """Within the minute, with paths that cron and the shell could stumble on; and the draft appears."""
    shop = shop_of_files
    keep_in(shop, "file")
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
