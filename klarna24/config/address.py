"""The address of a PostgreSQL server that has the state: ``postgresql://user@host/database``."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from klarna24.config.values import Secret, fault, is_loopback
from klarna24.text.clean import clean
from klarna24.text.sentences import sentence

EXAMPLE = "postgresql://klarna24@db.example/klarna24"
VERIFIED = "verify-full"


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL server. ``url`` has no password: that is fetched from where ``password`` says, else libpq looks
    for one. ``folder`` is on this host: there it is kept which state was used."""

    url: str
    folder: Path
    password: Secret | None = None

    def __str__(self) -> str:
        return self.url.partition("?")[0]


def postgres_url(raw: object) -> str:
    """The same address. Raises a fault for one that is not valid, has a password in it, or would send the state
    unencrypted, or to whoever answers, to another host. No message shows the address: it may hold a password."""
    if not isinstance(raw, str) or not re.fullmatch(r"postgres(ql)?://[!-~]*", raw):
        raise fault(
            sentence(
                'not an address of PostgreSQL: write it as in "{example}"; a folder is named by state_dir',
                example=EXAMPLE,
            )
        )
    try:
        parts = urlsplit(raw)
        query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        message = sentence('not an address of PostgreSQL: write it as in "{example}"', example=EXAMPLE)
        raise fault(message) from None
    userinfo = parts.netloc.rpartition("@")[0]
    if ":" in userinfo or {"password", "sslpassword"} & set(query):
        raise fault(sentence("the password must not stand in the address: use state_password, or PGPASSFILE"))
    if not unquote(parts.path.strip("/")) and "dbname" not in query:
        raise fault(sentence('the address names no database: write it as in "{example}"', example=EXAMPLE))
    sslmode = query.get("sslmode", VERIFIED)
    if sslmode != VERIFIED and not is_on_this_host(hosts(raw)):
        raise fault(
            sentence(
                'sslmode={mode} would trust whoever answers: leave it out, for another host needs "{needed}"',
                mode=clean(sslmode),
                needed=VERIFIED,
            )
        )
    return raw


def hosts(url: str) -> list[str]:
    """The hosts to which libpq would connect; an empty one is the socket of this machine."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    named = query.get("hostaddr") or os.environ.get("PGHOSTADDR") or query.get("host")
    if not named:
        in_address = unquote(parts.netloc.rpartition("@")[2])
        without_ports = (re.sub(r":\d*$", "", it).strip("[]") for it in in_address.split(","))
        named = ",".join(without_ports)
    if not named and not ("service" in query or os.environ.get("PGSERVICE")):
        named = os.environ.get("PGHOST", "")
    elif not named:
        return ["(as the service says)"]
    return named.split(",")


def is_on_this_host(named: list[str]) -> bool:
    """Whether all are addresses of this machine itself, or folders with its sockets."""
    return all(not it or it.startswith(("/", "@")) or is_loopback(it) for it in named)
