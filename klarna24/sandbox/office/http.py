"""From an HTTP request to one of 24SevenOffice's services to the operation, and back."""

from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

from klarna24.sandbox.office import soap
from klarna24.sandbox.office.contract_transaction import SERVICES
from klarna24.sandbox.office.operations import OPERATIONS, Call
from klarna24.sandbox.office.schema import Service, Violation, read, write
from klarna24.sandbox.office.world import OfficeWorld
from klarna24.sandbox.reply import Headers, Incoming, Reply
from klarna24.sandbox.spoil import save_answer

COOKIE = "ASP.NET_SessionId"
Validate = Callable[[str, str, bytes], list[str]]


def operation_of(service: Service, headers: Headers) -> str | None:
    """The operation that SOAPAction names, if it is one of the service's. Quotes are optional."""
    action = (headers.get("SOAPAction") or "").strip().removeprefix('"').removesuffix('"')
    return next((name for name in service.operations if service.action(name) == action), None)


def answer(office: OfficeWorld, validate: Validate | None, as_type: bool, incoming: Incoming) -> Reply:
    """The answer to one POST. `as_type`: how SaveBundleList says that there is no session."""
    service, headers, raw = SERVICES[incoming.path], incoming.headers, incoming.body
    if (headers.get("Content-Type") or "").partition(";")[0].strip().lower() != "text/xml":
        return Reply(415, b"text/xml is expected", "text/plain")
    if office.max_request_bytes is not None and len(raw) > office.max_request_bytes:
        return Reply(500, soap.fault("Client", "Maximum request length exceeded."))
    operation = operation_of(service, headers)
    try:
        if operation is None:
            raise Violation(f"SOAPAction {headers.get('SOAPAction')} is not known to {service.name}")
        errors = validate(service.name, operation, raw) if validate else []
        if errors:
            raise Violation("; ".join(errors))
        element = soap.body_of(raw)
        if element.tag != f"{{{service.namespace}}}{operation}":
            raise Violation(f"the body holds {element.tag}, SOAPAction says {operation}")
        session = _session(headers)
        call = Call(office, session, office.sessions.get(session), read(service, operation, element))
        if operation == "SaveBundleList" and as_type and call.company_or_none is None:
            return save_answer("NotAuthenticated")
        result = {f"{operation}Result": OPERATIONS[operation](call)}
    except Violation as violation:
        return Reply(500, soap.fault("Client", f"Server was unable to read request. {violation}"))
    except soap.Fault as fault:
        return Reply(500, soap.fault(fault.code, fault.text))
    tag = f"{operation}Response"
    return Reply(body=soap.envelope(write(service, tag, tag, result)))


def _session(headers: Headers) -> str:
    try:
        cookies = SimpleCookie(headers.get("Cookie") or "")
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""
