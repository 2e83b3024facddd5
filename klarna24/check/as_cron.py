"""``klarna24 check`` again, in a process that has what cron gives it: few variables, no session, no terminal."""

import json
import os
import signal
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from klarna24.check.result import Check, CheckedProfile, Outcome
from klarna24.config.loading import BrokenProfile, Config
from klarna24.config.tables import Profile
from klarna24.errors import Problem, ProblemCode, Unavailable
from klarna24.schedule.command import program, user
from klarna24.text.sentences import from_json, sentence

TIMEOUT_SECONDS = 600.0  # each check has a much shorter time limit of its own


def check_as_cron(config: Config, names: Sequence[str], test_mail: bool, with_kinds: bool) -> Outcome:
    """``with_kinds``: Klarna's payouts tell which accounts are needed.

    Raises Unavailable if the process does not end, and RuntimeError with its error output if it has a bug."""
    folders = ["--config", str(config.path), "--state-dir", str(config.state_dir)]
    if config.server:
        folders += ["--state", config.server.url]
    profiles = [word for name in names for word in ("--profile", name)]
    mail = ["--test-mail"] if test_mail else []
    history = [] if with_kinds else ["--history", "0"]
    output, errors = _run([*program(), *folders, "check", "--json", "--wording", *mail, *history, *profiles])
    try:
        document = json.loads(output)
    except ValueError:
        raise RuntimeError(f"the check in cron's environment printed no result:\n{errors}") from None
    problems = tuple(
        Problem(ProblemCode(it["code"]), from_json(it["message"]), from_json(it["hint"]), it["payment_reference"])
        for it in document["problems"]
    )
    checked = [_checked(config.find(profile["profile"]), profile["checks"]) for profile in document["profiles"]]
    return Outcome(document["exit_code"], checked, problems)


def _checked(profile: Profile | BrokenProfile, checks: Iterable[dict[str, Any]]) -> CheckedProfile:
    return CheckedProfile(
        profile.name,
        profile.language,
        [
            Check(from_json(it["name"]), it["status"], from_json(it["message"]), from_json(it["next"]))
            for it in checks
        ],
    )


def environment() -> tuple[dict[str, str], str]:
    """The variables that cron sets, and the folder in which it starts a command (Debian's crontab(5))."""
    name, home = user()
    home = home or "/"
    variables = {"PATH": "/usr/bin:/bin", "HOME": home, "LOGNAME": name, "SHELL": "/bin/sh"}
    return variables, home if Path(home).is_dir() else "/"


def _run(command: list[str]) -> tuple[str, str]:
    """Its output and error output. The process and all that it started are killed if anything ends this one."""
    variables, folder = environment()
    with subprocess.Popen(  # noqa: S603 - the command is this program
        command,
        env=variables,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # a new session has no terminal
    ) as process:
        try:
            output, errors = process.communicate(timeout=TIMEOUT_SECONDS)
        except BaseException as error:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                seconds = f"{TIMEOUT_SECONDS:.0f}"
                message = sentence("the check did not end within {seconds} s", seconds=seconds)
                raise Unavailable(message, "klarna24 check") from None
            raise
    return output.decode("utf-8", "replace"), errors.decode("utf-8", "replace")
