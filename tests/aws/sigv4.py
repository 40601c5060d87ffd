"""Checks a request's Signature Version 4, as AWS documents it."""

import hashlib
import hmac
import re
from urllib.parse import parse_qsl, quote, urlsplit

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>[^,]+), ?"
    r"SignedHeaders=(?P<headers>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


def access_key_id(headers):
    found = AUTHORIZATION.fullmatch(headers.get("Authorization", ""))
    return found["key"] if found else None


def is_signed_with(request, secret):
    """`request` has `command`, `path`, `headers` and, unless empty, `payload`."""
    found = AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
    url = urlsplit(request.path)
    query = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in parse_qsl(url.query, True))
    names = found["headers"].split(";")
    canonical = "\n".join(
        [
            request.command,
            url.path,
            "&".join(f"{name}={value}" for name, value in query),
            *(f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in names),
            "",
            found["headers"],
            hashlib.sha256(getattr(request, "payload", b"")).hexdigest(),
        ]
    )
    to_sign = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            request.headers.get("X-Amz-Date", ""),
            found["scope"],
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = ("AWS4" + secret).encode()
    for part in [*found["scope"].split("/"), to_sign]:
        key = hmac.digest(key, part.encode(), "sha256")
    # The last round made the signature itself.
    return "host" in names and hmac.compare_digest(key.hex(), found["signature"])
