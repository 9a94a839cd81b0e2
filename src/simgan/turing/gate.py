"""Decides which requests the server accepts: those of its own page, and none of other sites."""

from __future__ import annotations

from email.message import Message
from ipaddress import ip_address

_BODY = 1024  # bytes; an answer takes 60


def is_loopback(host: str) -> bool:
    """Whether `host` is an address that only this machine reaches."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def known_host(headers: Message, port: int) -> bool:
    """Whether the Host header of a request names the loopback.

    It does not if a site points its own name at 127.0.0.1 (DNS rebinding).
    """
    return headers.get("Host", "") in {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}


def refusal(headers: Message) -> tuple[int, str] | None:
    """Status and reason of a refusal; None if a POST is from the page itself and its body is a small JSON text."""
    if headers.get("Origin") != f"http://{headers.get('Host', '')}":
        return 403, "not from this page"
    if headers.get_content_type() != "application/json" or "Content-Type" not in headers:
        return 415, "expected JSON"
    length = headers.get("Content-Length", "")
    if "Transfer-Encoding" in headers or not (length.isascii() and length.isdecimal()):
        return 411, "expected a length"
    if len(length) > 9 or int(length) > _BODY:
        return 413, "too long"
    return None
