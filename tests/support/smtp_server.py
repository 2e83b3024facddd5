"""A mail server on loopback for the tests: as much SMTP as sending takes, and what can go wrong with it."""

import base64
import socket
import socketserver
import ssl
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from threading import Event, Thread
from typing import Any, Self

USER, PASSWORD = "klarna24@shop1.se", "hemligt-mail"


@dataclass
class MailServer:
    """``tls``: from the first byte; ``starttls``: offered; ``auth``: the ways to log in, if any; ``silent``: says
    nothing; ``drips``: a byte now and then, for ever; ``refuses``: commands that get 550. ``said`` is every
    command that came, ``logins`` who logged in, ``mails`` what was taken."""

    certificate: ssl.SSLContext
    tls: bool = False
    starttls: bool = True
    auth: str = "AUTH PLAIN"
    silent: bool = False
    drips: bool = False
    greeting: str = "220 mail.example ESMTP"
    refuses: tuple[str, ...] = ()
    mails: list[EmailMessage] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.stopping = Event()
        self._server = _Server(self)
        self.port = int(self._server.server_address[1])
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.mails]

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, mail: MailServer) -> None:
        self.mail = mail
        super().__init__(("127.0.0.1", 0), _Conversation)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone."""


class _Conversation(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        mail, self.secure = self.server.mail, False
        if mail.silent:
            mail.stopping.wait(30)
            return
        while mail.drips and not mail.stopping.wait(0.05):
            self.wfile.write(b"2")
        if mail.tls:
            self._wrap()
        self._say(mail.greeting)
        while line := self.rfile.readline().decode().strip():
            mail.said.append(line)
            if not self._answer(line):
                return

    def _answer(self, line: str) -> bool:
        mail, word = self.server.mail, line.partition(" ")[0].upper()
        if word in mail.refuses:
            self._say("550 5.7.1 not from here")
            return True
        match word:
            case "EHLO":
                self._say(*(f"250-{it}" for it in self._extensions()), "250 HELP")
            case "STARTTLS":
                self._say("220 go on")
                self._wrap()
            case "AUTH":
                given = base64.b64decode(line.split()[2]).decode().split("\0")[1:]
                known = given == [USER, PASSWORD]
                mail.logins += given[:1] if known else []
                self._say("235 welcome" if known else "535 5.7.8 authentication failed")
            case "MAIL" | "RCPT" | "RSET" | "NOOP":
                self._say("250 well")
            case "DATA":
                self._say("354 go on")
                mail.mails.append(message_from_bytes(self._data(), _class=EmailMessage, policy=SMTP))
                self._say("250 taken")
            case "QUIT":
                self._say("221 bye")
                return False
            case _:
                self._say("502 not here")
        return True

    def _data(self) -> bytes:
        """Up to the line of one dot; a dot that was doubled is one again (RFC 5321)."""
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def _extensions(self) -> list[str]:
        mail = self.server.mail
        offered = ["STARTTLS"] if mail.starttls and not self.secure else []
        return ["mail.example", *offered, *filter(None, [mail.auth])]

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    def _wrap(self) -> None:
        plain: socket.socket = self.connection
        self.connection = self.server.mail.certificate.wrap_socket(plain, server_side=True)
        self.rfile, self.wfile, self.secure = (
            self.connection.makefile("rb"),
            self.connection.makefile("wb", 0),
            True,
        )

    def finish(self) -> None:
        """The wrapped socket is another than the one that the base class closes."""
        self.connection.close()
