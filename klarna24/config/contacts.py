"""Whom to notify, and how: the tables ``notify`` of the file and of a profile."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from klarna24.config.values import HeartbeatUrl, MailAddress, SecretField, Table, Text, conflict, is_loopback
from klarna24.text.sentences import sentence


class Email(Table):
    """``notify.email``: the mail server, and who writes to whom."""

    host: Text
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: Text | None = None
    password: SecretField | None = None
    sender: Annotated[MailAddress, Field(alias="from")]
    to: Annotated[list[MailAddress], Field(min_length=1)]

    @model_validator(mode="after")
    def _login_is_whole_and_hidden(self) -> Self:
        if (self.username is None) != (self.password is None):
            missing, given = ("password", "username") if self.username else ("username", "password")
            raise conflict(
                sentence(
                    "there is a {given} but no {missing}: add {missing} = …, or remove {given}",
                    given=given,
                    missing=missing,
                )
            )
        if self.password and self.security == "none" and not is_loopback(self.host):
            raise conflict(
                sentence('security = "none" would send the password unencrypted: use "starttls" or "tls"')
            )
        return self


class Heartbeat(Table):
    """``notify.heartbeat``: a monitor such as healthchecks.io."""

    url: HeartbeatUrl


class Notify(Table):
    """``notify``: whom to notify, of all profiles or of one."""

    email: Email | None = None
    heartbeat: Heartbeat | None = None
