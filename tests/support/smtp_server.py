"""A mail server on loopback: as much SMTP as sending needs, and what can go wrong with it."""

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
    """``tls``: encrypted from the first byte; ``starttls``: supported; ``auth``: the login methods, if any;
    ``silent``: never sends anything; ``drips``: sends a byte now and then without end; ``refuses``: the commands
    that it answers with 550; ``mute_after_data``: takes a message and says nothing. ``commands`` are all it
    received, ``logins`` the users, ``mails`` all it accepted."""

    certificate: ssl.SSLContext
    tls: bool = False
    starttls: bool = True
    auth: str = "AUTH PLAIN"
    silent: bool = False
    drips: bool = False
    greeting: str = "220 mail.example ESMTP"
    refuses: tuple[str, ...] = ()
    mute_after_data: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.stopping = Event()
        self._server = _Server(self)
        self.port = int(self._server.server_address[1])
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def subjects(self) -> list[str]:
        return [str(mail["Subject"]).strip() for mail in self.mails]  # a long one may begin on the next line

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
        """Ignore a client that has hung up."""


class _Conversation(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        mail, self.is_encrypted = self.server.mail, False
        if mail.silent:
            mail.stopping.wait(30)
            return
        while mail.drips and not mail.stopping.wait(0.05):
            self.wfile.write(b"2")
        if mail.tls:
            self._encrypt()
        self._reply(mail.greeting)
        while line := self.rfile.readline().decode().strip():
            mail.commands.append(line)
            if not self._answer(line):
                return

    def _answer(self, line: str) -> bool:
        """Whether the conversation goes on."""
        mail, word = self.server.mail, line.partition(" ")[0].upper()
        if word in mail.refuses:
            self._reply("550 5.7.1 not from here")
            return True
        match word:
            case "EHLO":
                self._reply(*(f"250-{it}" for it in self._extensions()), "250 HELP")
            case "STARTTLS":
                self._reply("220 go ahead")
                self._encrypt()
            case "AUTH":
                given = base64.b64decode(line.split()[2]).decode().split("\0")[1:]
                is_known = given == [USER, PASSWORD]
                mail.logins += given[:1] if is_known else []
                self._reply("235 welcome" if is_known else "535 5.7.8 authentication failed")
            case "MAIL" | "RCPT" | "RSET" | "NOOP":
                self._reply("250 OK")
            case "DATA":
                self._reply("354 go ahead")
                mail.mails.append(message_from_bytes(self._data(), _class=EmailMessage, policy=SMTP))
                if mail.mute_after_data:
                    mail.stopping.wait(30)
                    return False
                self._reply("250 accepted")
            case "QUIT":
                self._reply("221 bye")
                return False
            case _:
                self._reply("502 not implemented")
        return True

    def _data(self) -> bytes:
        """The message up to the line with one dot; a doubled dot becomes one again (RFC 5321)."""
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def _extensions(self) -> list[str]:
        mail = self.server.mail
        supported = ["STARTTLS"] if mail.starttls and not self.is_encrypted else []
        return ["mail.example", *supported, *filter(None, [mail.auth])]

    def _reply(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    def _encrypt(self) -> None:
        plain: socket.socket = self.connection
        self.connection = self.server.mail.certificate.wrap_socket(plain, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.is_encrypted = True

    def finish(self) -> None:
        """Close the encrypted socket, which is another one than the base class would close."""
        self.connection.close()
