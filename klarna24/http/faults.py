"""Why a connection cannot be made: what is permanent is said at once, with the place where it is set, and never
retried; what may pass is named as well as it can be."""

import os
import re
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import requests

from klarna24.errors import ConfigFault, Klarna24Error, Unavailable
from klarna24.logs.redaction import server_text
from klarna24.text.sentences import Sentence, sentence

CA_BUNDLE = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # requests obeys the first that is set
# What OpenSSL says where waiting does not help: the other end speaks no TLS, or none that is safe.
NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION"}
NO_TLS |= {"SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV1_UNRECOGNIZED_NAME", "RECORD_LAYER_FAILURE"}


def permanent_fault(error: Exception, url: str, setting: str = "base_url") -> Klarna24Error | None:
    """Return what a person has to correct before the address can be reached, or None for what may pass.
    ``setting`` is the key of profiles.toml with the address. Variables are named without their values, because a
    proxy's may hold a password."""
    host, proxy, causes = _host(url), _proxy_variable(url), list(_causes(error))
    if urlsplit(url).scheme == "https" and (fault := _bundle_fault()):
        return fault
    for it in causes:
        match it:
            case ssl.SSLCertVerificationError():
                return _certificate_fault(host, it, setting)
            case ssl.SSLError(reason=str(reason)) if reason in NO_TLS:
                return Unavailable(
                    sentence("{host}: no secure connection is possible ({error})", host=host, error=reason),
                    sentence("check {setting}, and the proxy if there is one", setting=setting),
                )
            case requests.exceptions.InvalidSchema() if "SOCKS" in str(it):
                return ConfigFault(
                    sentence("{variable} names a SOCKS proxy, which needs a package", variable=proxy or "proxy"),
                    sentence("install it into the same Python: {command}", command="pip install PySocks"),
                )
            case requests.exceptions.InvalidURL() | requests.exceptions.InvalidSchema():
                return ConfigFault(
                    sentence("{variable} is not the address of a proxy", variable=proxy or setting),
                    sentence("write it as {example}", example="http://HOST:PORT"),
                )
            case OSError() if "407" in str(it) and "Tunnel connection failed" in str(it):
                return ConfigFault(
                    sentence("the proxy in {variable} asks for a user and password", variable=proxy or "proxy"),
                    sentence("write it as {example}", example="http://USER:PASSWORD@HOST:PORT"),
                )
    return None


def no_answer(error: Exception, url: str) -> Sentence:
    """Return why the address does not answer for now, as far as a person can do something about it."""
    host, causes = _host(url), list(_causes(error))
    proxy = {"variable": _proxy_variable(url) or "proxy", "host": host}
    for it in causes:
        if found := re.search(r"Tunnel connection failed: (\d{3})", str(it)):
            return sentence(
                "the proxy in {variable} makes no connection to {host} (HTTP {status})", **proxy, status=found[1]
            )
    for it in causes:
        match it:
            case requests.exceptions.ProxyError():
                return sentence("the proxy in {variable}, by which {host} is asked, cannot be reached", **proxy)
            case socket.gaierror():
                return sentence("the name {host} cannot be looked up", host=host)
            case ConnectionRefusedError():
                return sentence("{host} refuses connections", host=host)
    return sentence("no answer ({error})", error=type(error).__name__)


def _host(url: str) -> str:
    return server_text(urlsplit(url).netloc.rpartition("@")[2], 100)


def _proxy_variable(url: str) -> str:
    scheme = urlsplit(url).scheme
    return _set_in_environment(f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception and those it was made of, which the libraries keep in different places."""
    waiting, seen = [error], set[int]()
    while waiting:
        it = waiting.pop(0)
        if id(it) in seen:
            continue
        seen.add(id(it))
        yield it
        inner = (*it.args, getattr(it, "reason", None), it.__cause__, it.__context__)
        waiting += [other for other in inner if isinstance(other, BaseException)]


def ca_bundle() -> str:
    """Return the path that the environment names in place of the usual authorities, or an empty text."""
    return os.environ.get(_set_in_environment(*CA_BUNDLE), "")


def _bundle_fault() -> ConfigFault | None:
    """Return what is wrong with that path, if anything is."""
    variable, path = _set_in_environment(*CA_BUNDLE), ca_bundle()
    if not path or os.path.isdir(path):  # noqa: PTH112 - a str, as requests takes it
        return None
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        message = sentence(
            "{variable} names no file with certificates: {path} ({error})",
            variable=variable,
            path=server_text(path, 200),
            error=server_text(getattr(error, "strerror", None) or error, 100),
        )
        return ConfigFault(message, sentence("correct {variable}, or remove it", variable=variable))
    return None


def _certificate_fault(host: str, error: ssl.SSLCertVerificationError, setting: str) -> Klarna24Error:
    why = server_text(error.verify_message, 200)
    if error.verify_code in {62, 64}:  # OpenSSL: host name mismatch, IP address mismatch
        return ConfigFault(
            sentence("{host}: the certificate is for another name ({error})", host=host, error=why),
            sentence("check {setting}, and the proxy if there is one", setting=setting),
        )
    if error.verify_code in {9, 10}:  # OpenSSL: not yet valid, expired
        return Unavailable(
            sentence("{host}: the certificate is not valid today ({error})", host=host, error=why),
            sentence("check the clock of this machine; else its owner has to renew it"),
        )
    variable = _set_in_environment(*CA_BUNDLE) or CA_BUNDLE[0]
    return ConfigFault(
        sentence("{host}: the certificate is from an unknown authority ({error})", host=host, error=why),
        sentence("if it is known to you, set {variable} to a file with its certificate", variable=variable),
    )


def _set_in_environment(*names: str) -> str:
    """Return the first of the variables that is set, or an empty name."""
    return next((name for name in names if os.environ.get(name)), "")
