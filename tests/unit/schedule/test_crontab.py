"""The crontab line, as cron and the shell read it."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from klarna24.config.loading import load
from klarna24.errors import UsageFault
from klarna24.schedule import command
from klarna24.schedule.command import DailyRun, program
from klarna24.schedule.crontab import crontab_line
from tests.support import ROOT
from tests.support.schedules import ODD, config_in


def as_cron_reads(line: str) -> str:
    """What cron hands to the shell: the text after the five fields, up to a bare %, with \\% as %."""
    *_, text = line.split(maxsplit=5)
    before, _, rest = text.replace("\\%", "\0").partition("%")
    assert not rest
    return before.replace("\0", "%")


@pytest.mark.parametrize(
    "part", ["a b", "100%", 'say "hi"', "it's", "åäö", "$HOME", "`id`", "a;b&c|d", "*~!#", ODD]
)
def test_the_line_read_back_by_a_shell_is_the_command(tmp_path: Path, part: str) -> None:
    config = replace(config_in(tmp_path / part), state_dir=tmp_path / part / "state")
    line = as_cron_reads(crontab_line(DailyRun(config, "shop1")))
    shown = subprocess.run(
        ["/bin/sh", "-c", f"printf '%s\\0' {line}"], cwd="/", capture_output=True, text=True, check=True
    )
    assert shown.stdout.split("\0")[:-1] == [
        *program(),
        *("--config", str(tmp_path / part / "profiles.toml")),
        *("--state-dir", str(tmp_path / part / "state")),
        *("sync", "--profile", "shop1"),
    ]


@pytest.mark.parametrize("part", ["back\\slash", "new\nline"])
def test_what_no_crontab_can_hold_is_refused(tmp_path: Path, part: str) -> None:
    with pytest.raises(UsageFault, match="a crontab line cannot hold"):
        crontab_line(DailyRun(config_in(tmp_path / part)))


def test_every_path_is_absolute_and_the_program_is_the_one_that_is_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "klarna24"
    script.touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["klarna24", "schedule", "--all"])
    assert program() == [str(script)]
    monkeypatch.setattr(sys, "argv", [str(ROOT / "klarna24" / "__main__.py")])
    assert program() == [sys.executable, "-P", "-m", "klarna24"]
    config_in(tmp_path)
    line = as_cron_reads(crontab_line(DailyRun(load(Path("profiles.toml"), Path("state")))))
    assert f"--config {tmp_path}/profiles.toml --state-dir {tmp_path}/state sync --all" in line


def test_what_a_run_finds_without_options_is_not_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run under cron has no variables, and the HOME of the system's list of users."""
    monkeypatch.setattr(command, "user", lambda: ("me", str(home)))
    config_in(home / ".config" / "klarna24")
    assert crontab_line(DailyRun(load())).endswith("klarna24 sync --all")
    monkeypatch.setenv("KLARNA24_STATE_DIR", str(tmp_path))
    assert f"--state-dir {tmp_path} sync" in crontab_line(DailyRun(load())), "cron does not have the variable"
    monkeypatch.delenv("KLARNA24_STATE_DIR")
    monkeypatch.setattr(command, "user", lambda: ("me", "/home/me"))
    assert f"--config {home}/.config/" in crontab_line(DailyRun(load())), "HOME is another user's"
    config = config_in(tmp_path / "elsewhere", state_dir=tmp_path / "state")
    assert crontab_line(DailyRun(config)).endswith("profiles.toml sync --all"), "the file names the state"


def test_shops_run_at_different_times_and_each_always_at_the_same(tmp_path: Path) -> None:
    """Between 03:00 and 06:00: no clock change skips or repeats these hours where klarna24's users are."""
    config = config_in(tmp_path, *(f"shop{number}" for number in range(200)))
    times = [tuple(crontab_line(DailyRun(config, name)).split()[:5]) for name in config.profiles]
    assert times == [tuple(crontab_line(DailyRun(config, name)).split()[:5]) for name in config.profiles]
    assert all(0 <= int(minute) < 60 and 3 <= int(hour) < 6 for minute, hour, *_ in times)
    assert all(time[2:] == ("*", "*", "*") for time in times)
    assert max(Counter(times).values()) <= 6
    assert len(set(times)) > 100
    companies = [config_in(tmp_path, over={"24sevenoffice": {"client_id": number}}) for number in range(1, 50)]
    assert len({crontab_line(DailyRun(config)).split()[0] for config in companies}) > 20, "all have a shop1"
