"""Checks of this machine: profiles.toml, the passwords, the clock, the mail server, the monitor."""

import stat
from collections.abc import Generator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from shlex import quote
from urllib.parse import urlsplit

from klarna24.check.result import Check, failed, not_tried
from klarna24.config import credentials
from klarna24.config.loading import Config
from klarna24.config.tables import Profile
from klarna24.config.values import Secret
from klarna24.errors import CredentialsFault, Klarna24Error, ProblemCode
from klarna24.http.server_time import ServerTime
from klarna24.notify import smtp
from klarna24.notify.letter import trial_letter
from klarna24.text.sentences import sentence

MAX_CLOCK_ERROR = timedelta(minutes=5)
CLOCK = sentence("clock")


def check_file(config: Config) -> Check:
    """Who can read profiles.toml; that it is valid is known already."""
    mode = stat.S_IMODE(config.path.stat().st_mode)
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        message = sentence(
            "{path} is valid, but others can read it (mode {mode})", path=str(config.path), mode=f"{mode:o}"
        )
        return Check("profiles.toml", "advice", message, f"chmod 600 {quote(str(config.path))}")
    message = sentence("{path} is valid, readable only by you", path=str(config.path))
    return Check("profiles.toml", "ok", message)


def check_passwords(profile: Profile) -> Generator[Check, None, dict[str, str | None]]:
    """Returns the passwords of Klarna and 24SevenOffice; None for one that cannot be fetched."""
    secrets = {"klarna": profile.klarna.password, "24sevenoffice": profile.twentyfour.password}
    passwords = {}
    for table, secret in secrets.items():
        passwords[table] = yield from _check_password(f"{table}.password", secret, f"{profile.name}.{table}")
    return passwords


def _check_password(name: str, secret: Secret, path: str) -> Generator[Check, None, str | None]:
    try:
        password = credentials.fetch(secret, path)
    except CredentialsFault as error:
        yield failed(name, error)
        return None
    yield _check_source(name, secret)
    return password


def _check_source(name: str, secret: Secret) -> Check:
    """Where the password came from, and whether cron can fetch it from there too."""
    value = secret.value if isinstance(secret.value, str) else secret.value[0]
    match secret.source:
        case "env":
            message = sentence(
                "from the variable {variable}; cron has it only if the crontab sets it", variable=str(value)
            )
            return Check(name, "advice", message, "klarna24 check --as-cron")
        case "keyring":
            message = sentence("from the keyring, which is often locked when nobody is logged in")
            hint = sentence("for cron: {line}", line='password = { file = "…" }, chmod 600')
            return Check(name, "advice", message, hint)
        case "systemd":
            message = sentence("from the systemd credential {name}, which only its unit has", name=str(value))
            return Check(name, "ok", message)
        case "command":
            return Check(
                name, "ok", sentence("from the command {command} (available to cron)", command=str(value))
            )
    return Check(name, "ok", sentence("from the file {path} (available to cron)", path=str(value)))


def check_clock(server_times: Mapping[str, ServerTime | None]) -> Check:
    """Compared with the server that agrees best: if only the other one differs, that server's clock is wrong."""
    differences = {
        name: ahead for name, time in server_times.items() if time and (ahead := time.ahead()) is not None
    }
    if not differences:
        return Check(CLOCK, "not-tried", sentence("not tried: no server sent the time"))
    name = min(differences, key=lambda server: abs(differences[server]))
    seconds = round(differences[name].total_seconds())
    if abs(seconds) <= MAX_CLOCK_ERROR.total_seconds():
        message = sentence("within {seconds} s of {server}'s", seconds=max(abs(seconds), 1), server=name)
        return Check(CLOCK, "ok", message)
    off: dict[str, str | int] = {"time": str(timedelta(seconds=abs(seconds))), "server": name}
    message = sentence("this machine's clock is {time} ahead of {server}'s", **off)
    if seconds > 0:
        message = sentence("this machine's clock is {time} behind {server}'s", **off)
    hint = sentence("set it: {command}", command="timedatectl set-ntp true")
    return Check(CLOCK, "failed", message, hint, ProblemCode.CONFIG)


def check_mail(profile: Profile, config: Config, mailed: set[str] | None) -> Iterator[Check]:
    """Log in to the mail server. With a set, send a test mail too, once for each mail server: the set holds those
    that were sent one."""
    configured = config.email_of(profile)
    if configured is None:
        if mailed is not None:
            hint = sentence("add {table}, as in {file}", table="[notify.email]", file="profiles.example.toml")
            yield Check("notify.email", "advice", sentence("no mail server is configured"), hint)
        return
    email, path = configured
    password = None
    if email.password:
        password = yield from _check_password("notify.email.password", email.password, path)
        if password is None:
            yield not_tried("notify.email", "notify.email.password")
            return
    server = email.model_dump_json()
    is_sent = mailed is not None and server not in mailed
    try:
        if is_sent:
            emails = ((other.name, config.email_of(other)) for other in config.profiles.values())
            users = [name for name, other in emails if other and other[0] == email]
            smtp.send(email, password, trial_letter(email, users, profile.language, datetime.now(UTC)))
        else:
            smtp.log_in(email, password)
    except Klarna24Error as error:
        yield failed("notify.email", error)
        return
    if mailed is not None:
        mailed.add(server)
    message = sentence(
        "{server} ({security}, {login}); {result}",
        server=f"{email.host}:{email.port}",
        security=email.security,
        login=sentence("logged in") if password else sentence("no login"),
        result=sentence("a test mail was sent to {recipients}", recipients=", ".join(email.to))
        if is_sent
        else sentence("no mail was sent"),
    )
    yield Check("notify.email", "ok", message)


def check_monitor(profile: Profile, config: Config) -> Iterator[Check]:
    """The monitor is not pinged, because it would take a check for a run."""
    for heartbeat in filter(None, (profile.notify.heartbeat, config.notify.heartbeat)):
        host = urlsplit(heartbeat.url).netloc
        message = sentence("{host} is pinged by each sync; this check did not ping it", host=host)
        yield Check("notify.heartbeat", "ok", message)
