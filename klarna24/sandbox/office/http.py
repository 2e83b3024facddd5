"""24SevenOffice's services over HTTP: from a SOAP request to the operation, and from its result to the answer."""

from collections.abc import Callable
from email.message import Message
from http.cookies import CookieError, SimpleCookie

from klarna24.sandbox.office import soap
from klarna24.sandbox.office.contract import SERVICES
from klarna24.sandbox.office.operations import OPERATIONS, Call
from klarna24.sandbox.office.schema import Service, Violation, read, write
from klarna24.sandbox.office.state import OfficeState
from klarna24.sandbox.reply import Incoming, Reply

COOKIE = "ASP.NET_SessionId"
Validate = Callable[[str, str, bytes], list[str]]  # service, operation, request → what is wrong with it


def operation_of(service: Service, headers: Message) -> str | None:
    """The operation that SOAPAction names, with or without quotes; None if the service does not have it."""
    action = (headers.get("SOAPAction") or "").strip().removeprefix('"').removesuffix('"')
    return next((name for name in service.operations if service.action(name) == action), None)


def answer(office: OfficeState, validate: Validate | None, incoming: Incoming) -> Reply:
    """The answer to a POST to one of the services. `validate` is asked about each request first."""
    service, headers, raw = SERVICES[incoming.path], incoming.headers, incoming.body
    if (headers.get("Content-Type") or "").partition(";")[0].strip().lower() != "text/xml":
        return Reply(415, b"text/xml is expected", "text/plain")
    if office.max_request_bytes is not None and len(raw) > office.max_request_bytes:
        return Reply(500, soap.fault("Client", "Maximum request length exceeded."))
    operation = operation_of(service, headers)
    try:
        if operation is None:
            raise Violation(f"SOAPAction {headers.get('SOAPAction')} is not known to {service.name}")
        if errors := validate(service.name, operation, raw) if validate else []:
            raise Violation("; ".join(errors))
        element = soap.body_of(raw)
        if element.tag != f"{{{service.namespace}}}{operation}":
            raise Violation(f"the body holds {element.tag}, SOAPAction says {operation}")
        call = Call(office, office.sessions.get(_session(headers)), read(service, operation, element))
        value = OPERATIONS[operation](call)
    except Violation as violation:
        return Reply(500, soap.fault("Client", f"Server was unable to read request. {violation}"))
    except soap.Fault as fault:
        return Reply(500, soap.fault(fault.code, fault.text))
    tag = f"{operation}Response"
    result = {f"{operation}Result": value} if service.types[tag] else {}  # .NET answers a void method without one
    return Reply(body=soap.envelope(write(service, tag, tag, result)))


def _session(headers: Message) -> str:
    try:
        cookies = SimpleCookie(headers.get("Cookie") or "")
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""
