"""JSON files that carry their own digest: a cut, altered, foreign or newer one is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from ..errors import StoreError
from .digests import canonical, digest


def seal(kind: str, version: int, body: Mapping[str, Any]) -> bytes:
    """The bytes of a file of this kind and schema version.

    Raises:
        StoreError: The body holds something that JSON has no form for.
    """
    plain = canonical(body)
    envelope = {"modelqa": kind, "schema": version, "sha256": digest(plain), "body": plain}
    return (json.dumps(envelope, indent=1, allow_nan=False) + "\n").encode("ascii")


def unseal(kind: str, version: int, data: bytes) -> dict[str, Any]:
    """The body of a file that ``seal`` made.

    Raises:
        StoreError: It is not such a file, or not whole; the message says which.
    """
    try:
        envelope = json.loads(data, parse_constant=_no_constant)
        if not isinstance(envelope, dict) or envelope.get("modelqa") != kind:
            raise StoreError(f"this is no {kind} file of pytest-modelqa")
        if envelope.get("schema") != version:
            raise StoreError(
                f"the {kind} file is of another schema version",
                expected=str(version),
                found=str(envelope.get("schema"))[:80],
            )
        body = envelope.get("body")
        if not isinstance(body, dict) or envelope.get("sha256") != digest(body):
            raise StoreError(f"the {kind} file is damaged: its digest does not match its content")
    except (ValueError, RecursionError) as error:
        raise StoreError(f"the {kind} file is damaged: {str(error)[:80]}") from error
    return body


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
