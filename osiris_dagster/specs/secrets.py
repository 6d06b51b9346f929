"""Which fields hold secrets: the names a component spec declares, and names that hold secrets wherever they stand."""

from __future__ import annotations

import re

from osiris_dagster.specs.model import ComponentSpec

SECRET_NAMES = frozenset(
    """password passwd pwd token secret secret_key service_key service_role_key api_key access_token refresh_token
    auth_token bearer_token client_secret client_key private_key key dsn connection_string anon_key""".split()
)
_LIKELY = re.compile(
    r"pa?s+w|passphrase|pwd|se[cr]{2}et|secert|to?ke?n|toekn|credential|authorization|bearer|dsn|connection_?string"
    r"|(?:api|service|role|access|anon|auth|client|private|account|encryption)_?key",
    re.IGNORECASE,
)


def secret_fields(spec: ComponentSpec) -> frozenset[str]:
    """Return the top-level fields that the spec's `secrets` pointers lead into.

    An escaped pointer is read as JSON Pointer wants it: `~1` is a slash, `~0` a tilde.
    """
    return frozenset(unescaped(pointer.split("/")[1]) for pointer in spec.secrets)


def unescaped(part: str) -> str:
    """Return one part of a JSON Pointer as the key it names."""
    return part.replace("~1", "/").replace("~0", "~")


def is_secret_name(name: str) -> bool:
    """Tell whether a field of that name holds a secret in any component.

    >>> is_secret_name("Api-Key"), is_secret_name("primary_key"), is_secret_name("headers")
    (True, False, False)
    """
    return name.lower().replace("-", "_") in SECRET_NAMES


def may_be_secret_name(name: str) -> bool:
    """Tell whether a name, perhaps misspelt, suggests a secret: enough to hide its value, not to object to it.

    >>> may_be_secret_name("mysql_passwrd"), may_be_secret_name("pasword"), may_be_secret_name("primary_key")
    (True, True, False)
    """
    return is_secret_name(name) or _LIKELY.search(name) is not None
