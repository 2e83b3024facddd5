"""Checks of this machine: profiles.toml, the passwords, the clock, the mail server, the monitor."""

import stat
from collections.abc import Generator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
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

MAX_CLOCK_ERROR = timedelta(minutes=5)


def check_file(config: Config) -> Check:
    """Who can read profiles.toml; that it is valid is known already."""
    mode = stat.S_IMODE(config.path.stat().st_mode)
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        message = f"{config.path} is valid, but others can read it (mode {mode:o})"
        return Check("profiles.toml", "advice", message, f"chmod 600 {config.path}")
    return Check("profiles.toml", "ok", f"{config.path} is valid, readable only by you")


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
            message = f"from the variable {value}; cron has it only if the crontab sets it"
            return Check(name, "advice", message, "klarna24 check --as-cron")
        case "keyring":
            message = "from the keyring, which is often locked when nobody is logged in"
            return Check(name, "advice", message, 'for cron: password = { file = "…" }, chmod 600')
        case "systemd":
            return Check(name, "ok", f"from the systemd credential {value}, which only its unit has")
    return Check(name, "ok", f"from the {secret.source} {value} (available to cron)")


def check_clock(server_times: Mapping[str, ServerTime | None]) -> Check:
    """Compared with the server that agrees best: if only the other one differs, that server's clock is wrong."""
    differences = {
        name: ahead for name, time in server_times.items() if time and (ahead := time.ahead()) is not None
    }
    if not differences:
        return Check("clock", "not-tried", "not tried: no server sent the time")
    name = min(differences, key=lambda server: abs(differences[server]))
    seconds = round(differences[name].total_seconds())
    if abs(seconds) <= MAX_CLOCK_ERROR.total_seconds():
        return Check("clock", "ok", f"within {max(abs(seconds), 1)} s of {name}'s")
    off = f"{timedelta(seconds=abs(seconds))} {'behind' if seconds > 0 else 'ahead of'} {name}'s"
    hint = "set it: timedatectl set-ntp true"
    return Check("clock", "failed", f"this machine's clock is {off}", hint, ProblemCode.CONFIG)


def check_mail(profile: Profile, config: Config, mailed: set[str] | None) -> Iterator[Check]:
    """Log in to the mail server. With a set, send a test mail too, once for each mail server: the set holds those
    that were sent one."""
    configured = config.email_of(profile)
    if configured is None:
        if mailed is not None:
            hint = "add [notify.email], as in profiles.example.toml"
            yield Check("notify.email", "advice", "no mail server is configured", hint)
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
    how = f"{email.security}, {'logged in' if password else 'no login'}"
    result = f"a test mail was sent to {', '.join(email.to)}" if is_sent else "no mail was sent"
    yield Check("notify.email", "ok", f"{email.host}:{email.port} ({how}); {result}")


def check_monitor(profile: Profile, config: Config) -> Iterator[Check]:
    """The monitor is not pinged, because it would take a check for a run."""
    for heartbeat in filter(None, (profile.notify.heartbeat, config.notify.heartbeat)):
        host = urlsplit(heartbeat.url).netloc
        yield Check("notify.heartbeat", "ok", f"{host} is pinged by each sync; this check did not ping it")
