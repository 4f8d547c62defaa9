"""What every answer carries and every request must have, whatever the page: headers and the Host check.

A page that the user visits elsewhere can point its own host name at 127.0.0.1 (DNS rebinding) and would then
read this server as its own origin. Its requests carry that name as Host, so only loopback names are answered.
"""

import ipaddress

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",  # pages are a bank's figures: they stay out of the browser's cache
}
_FOR_GOOD = "public, max-age=31536000, immutable"
STATIC_PATH = "/static"


def is_loopback(host: str) -> bool:
    """Whether a name or address (without port or brackets) can only mean this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_name(header: str) -> str:
    """The name in a Host header, without the port: `[::1]:8000` is `::1`."""
    if header.startswith("["):
        name, bracket, rest = header[1:].partition("]")
        return name if bracket and (not rest or rest.startswith(":")) else ""
    return header.partition(":")[0]


def guarded(app: ASGIApp) -> ASGIApp:
    """`app`, answering only requests for this machine by a loopback name, with the security headers on every answer."""

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if _never_changes(scope, message["status"]):
                    headers["cache-control"] = _FOR_GOOD
            await send(message)

        hosts = Headers(scope=scope).getlist("host")
        if len(hosts) == 1 and is_loopback(host_name(hosts[0])):
            await app(scope, receive, send_with_headers)
        else:
            refusal = PlainTextResponse("This server answers to localhost and 127.0.0.1 only.\n", status_code=400)
            await refusal(scope, receive, send_with_headers)

    return guard


def _never_changes(scope: Scope, status: int) -> bool:
    """Whether the answer is an asset asked for with its hash in the address (see `pages`)."""
    versioned = scope["path"].startswith(f"{STATIC_PATH}/") and "v" in QueryParams(scope["query_string"])
    return versioned and status in (200, 304)
