"""Rules about secrets: none stands in a document. The value is never part of a message."""

from __future__ import annotations

from collections.abc import Iterator

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.rules.context import Context
from osiris_dagster.oml.rules.rule import rule
from osiris_dagster.redaction import MASK


@rule("OML080", "A secret in the document", example='connection: "@mysql.shop"')
def literal(context: Context) -> Iterator[Diagnostic]:
    """Passwords, keys and tokens stand in the environment or in the connections file, never in OML.

    A document is committed, copied into manifests, sent to models and shown in a browser. A parameter is no way out:
    its value is written into the manifest. A field counts as secret when the component's spec says so or when it is
    called password, token, api_key and the like.

    Wrong:
        - id: in
          component: duckdb.extractor
          mode: read
          config: {connection: "@duckdb.warehouse", table: orders, password: hunter2}

    Right:
        - id: in
          component: duckdb.extractor
          mode: read
          config: {connection: "@duckdb.warehouse", table: orders}
    """
    for secret in context.secrets:
        if secret.kind not in ("literal", "parameter"):
            continue
        name = next(
            (part for part in reversed(secret.path) if isinstance(part, str) and part != "default"), "the field"
        )
        by_parameter = secret.kind == "parameter"
        yield context.at(
            secret.path,
            f"`{name}` is secret and takes its value from a parameter, which would be written into the manifest"
            if by_parameter
            else f"`{name}` holds a secret",
            found=MASK,
            expected="no secret in the document",
            fix="put it into the connection, there as ${VARIABLE}; change it if others may have seen it",
        )


@rule("OML081", "A connection string with a password", example='connection: "@postgres.shop"')
def connection_string(context: Context) -> Iterator[Diagnostic]:
    """A URL or a connection string holds a password.

    It would be visible wherever the document goes. Name a connection instead.

    Wrong:
        description: reads from postgres://shop:hunter2@db/orders

    Right:
        description: reads from the shop's database
    """
    for secret in context.secrets:
        if secret.kind == "dsn":
            yield context.at(
                secret.path,
                "the text holds a connection string with a password",
                found=MASK,
                expected="no password in the document",
                fix="name a connection as @family.alias, and change the password",
            )


@rule("OML114", "A secret of a connection in the document", example='connection: "@mysql.shop"')
def known_secret(context: Context) -> Iterator[Diagnostic]:
    """A text of the document holds a value that the project's connections keep as a secret.

    The name of the field does not matter: a password in a query or a description is as visible. A password that is
    one plain word or number cannot be told from ordinary text, and is not looked for.

    Wrong:
        description: sign in with known-to-the-tests

    Right:
        description: sign in with the password of the shop
    """
    for secret in context.secrets:
        if secret.kind == "known":
            yield context.at(
                secret.path,
                "the text holds a secret of one of the project's connections",
                found=MASK,
                expected="no secret in the document",
                fix="remove it; change it if others may have seen it",
            )


@rule("OML115", "A text that looks like a key or a token", example='connection: "@mysql.shop"')
def secret_form(context: Context) -> Iterator[Diagnostic]:
    """The text has the form of an access token or of a private key: tokens of clouds, code hosts and models have one.

    Digests, ids and names of columns have none of these forms.

    Wrong:
        description: call it with ghp_0123456789abcdefghijABCDEFGHIJ012345

    Right:
        description: call it with the token of the connection
    """
    for secret in context.secrets:
        if secret.kind == "form":
            yield context.at(
                secret.path,
                "the text looks like an access token or a private key",
                found=MASK,
                expected="no secret in the document",
                fix="put it into the connection, there as ${VARIABLE}; change it if others may have seen it",
            )
