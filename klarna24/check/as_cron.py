"""klarna24 check once more, in a child that has what cron has: a bare environment, no session, no terminal."""

import json
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from klarna24.check.result import Check, CheckedProfile
from klarna24.config.loading import Config
from klarna24.errors import Problem, Unavailable
from klarna24.schedule.crontab import program, user
from klarna24.text import sentence

SECONDS = 600.0  # each single thing in it ends much sooner


class AsCron(NamedTuple):
    """What the child found, and what it ended with."""

    exit_code: int
    profiles: list[CheckedProfile]
    problems: list[Problem]


def check_as_cron(config: Config, names: list[str], test_mail: bool = False) -> AsCron:
    """Raises Unavailable where the child does not end, RuntimeError with what it wrote where it met a bug."""
    profiles = [word for name in names for word in ("--profile", name)]
    places = ["--config", str(config.path), "--state-dir", str(config.state_dir)]
    mail = ["--test-mail"] if test_mail else []
    output, errors = _run([*program(), *places, "check", "--json", *mail, *profiles])
    try:
        document = json.loads(output)
    except ValueError:
        raise RuntimeError(f"the check in cron's environment ended without an answer:\n{errors}") from None
    problems = [Problem(**problem) for problem in document["problems"]]
    return AsCron(document["exit_code"], [_checked(one) for one in document["profiles"]], problems)


def _checked(one: dict[str, Any]) -> CheckedProfile:
    return CheckedProfile(one["profile"], [Check(**check) for check in one["checks"]])


def environment() -> tuple[dict[str, str], str]:
    """Cron's variables, and the folder in which it starts a job (crontab(5), Debian's)."""
    name, home = user()
    home = home or "/"
    variables = {"PATH": "/usr/bin:/bin", "HOME": home, "LOGNAME": name, "SHELL": "/bin/sh"}
    return variables, home if Path(home).is_dir() else "/"


def _run(command: list[str]) -> tuple[str, str]:
    """What it wrote. It and all that it started end with us, whatever ends us."""
    variables, folder = environment()
    with subprocess.Popen(  # noqa: S603 - this very program
        command,
        env=variables,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # no terminal either
    ) as process:
        try:
            output, errors = process.communicate(timeout=SECONDS)
        except BaseException as error:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                message = sentence("the check did not end within {seconds} s", seconds=f"{SECONDS:.0f}")
                raise Unavailable(message, "klarna24 check") from None
            raise
    return output.decode("utf-8", "replace"), errors.decode("utf-8", "replace")
