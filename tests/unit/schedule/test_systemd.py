"""The systemd units, as systemd reads them."""

import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from klarna24.config.loading import Config
from klarna24.errors import UsageFault
from klarna24.http.exchange import SAVE_SECONDS
from klarna24.schedule import systemd
from klarna24.schedule.command import DailyRun, user
from klarna24.schedule.systemd import systemd_units
from tests.support.schedules import ODD, SOURCES, config_in, password_from


def test_the_units_read_back_are_the_command_and_the_state_folder(tmp_path: Path) -> None:
    """By systemd's rules: words and quotes as in a shell, then %% is %, and in the arguments $$ is $."""
    odd = tmp_path / (ODD + "\\")
    run = DailyRun(replace(config_in(odd), state_dir=odd / "state"), "shop1")
    service = systemd_units(run)["klarna24-shop1.service"]
    lines = dict(line.split("=", 1) for line in service.splitlines() if "=" in line and not line.startswith("#"))
    command = [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(lines["ExecStart"])]
    assert command == run.command()
    assert [word.replace("%%", "%") for word in shlex.split(lines["ReadWritePaths"])] == [str(odd / "state")]
    with pytest.raises(UsageFault, match="a unit file cannot hold"):
        systemd_units(DailyRun(config_in(tmp_path / "new\nline")))


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
@pytest.mark.parametrize("name", ["shop1", None])
@pytest.mark.parametrize("source", SOURCES)
def test_systemd_accepts_the_units(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, name: str | None
) -> None:
    """It prints nothing: it ends with 0 even if it has ignored a line."""
    monkeypatch.setattr(systemd, "user", lambda: ("root", "/root"))  # it warns of nobody, who may run these tests
    config = config_in(tmp_path / ODD, state_dir=tmp_path / ODD / "state", over=password_from(source))
    units = systemd_units(DailyRun(config, name))
    for file, text in units.items():
        (tmp_path / file).write_text(text)
    verified = subprocess.run(
        ["systemd-analyze", "verify", *units], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


def test_the_service_is_sandboxed_and_the_timer_catches_up_after_a_missed_night(tmp_path: Path) -> None:
    config = config_in(tmp_path, "shop1", "shop2", over=password_from("systemd"))
    service, timer = systemd_units(DailyRun(config, "shop1")).values()
    lines = service.splitlines()
    for line in (
        "Type=oneshot",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "UMask=0077",
        f"User={user()[0]}",
        f"ReadWritePaths={config.state_dir}",
        "LoadCredential=shop1-klarna:/etc/credstore/shop1-klarna",
    ):
        assert line in lines
    assert service.count("LoadCredential=") == 1
    (stop,) = (int(line.partition("=")[2]) for line in lines if line.startswith("TimeoutStopSec="))
    assert stop > SAVE_SECONDS, "the time that a save under way may take"
    assert {"Persistent=true", "RandomizedDelaySec=15min"} <= set(timer.splitlines())
    assert list(systemd_units(DailyRun(config))) == ["klarna24.service", "klarna24.timer"]


def test_the_service_sees_as_much_of_the_home_folder_and_of_tmp_as_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(
        config_in(tmp_path, over=password_from("file")),
        path=Path("/etc/klarna24/profiles.toml"),
        state_dir=Path("/var/lib/klarna24/shops"),
    )
    monkeypatch.setattr(systemd, "_paths", lambda run: [run.config.path, run.config.state_dir])

    def lines(config: Config) -> set[str]:
        return set(systemd_units(DailyRun(config))["klarna24.service"].splitlines())

    assert {"ProtectHome=tmpfs", "PrivateTmp=yes", "StateDirectory=klarna24/shops"} <= lines(config)
    assert "ProtectHome=read-only" in lines(replace(config, path=Path("/home/me/profiles.toml")))
    assert "PrivateTmp=no" in lines(replace(config, path=Path("/tmp/klarna24/profiles.toml")))
    for source in ("command", "keyring"):
        other = config_in(tmp_path, over=password_from(source))
        assert "ProtectHome=read-only" in lines(replace(config, profiles=other.profiles))
