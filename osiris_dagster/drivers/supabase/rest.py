"""Sends requests to a REST interface: tried again where that is safe, errors named, no key shown."""

from __future__ import annotations

import http.client
import json
import random
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.loopback import is_loopback
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.errors import ConfigError, DriverError

_TIMEOUT = 60.0  # seconds without a byte
_TRIES = 5
_PAUSE = 0.5  # seconds before the second try; doubled for each further one
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_ROOT = "/rest/v1"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status below 300, headers by lower-case name, and the body."""

    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON; numbers with a fraction stay text."""
        return json.loads(self.body, parse_float=str)

    @property
    def total(self) -> int | None:
        """The count that the server was asked for: of all rows that match, or of those written."""
        total = self.headers.get("content-range", "").rpartition("/")[2]
        return int(total) if total.isdigit() else None


class Rest:
    """One line to the interface, used by one thread; `cut` may come from another."""

    def __init__(self, call: StepCall, stopped: StopSign, *, tries: int = _TRIES, timeout: float = _TIMEOUT) -> None:
        fields = call.connection
        address = urlsplit(str(fields.get("url") or ""))
        if address.scheme not in ("http", "https") or not address.hostname or not fields.get("key"):
            raise ConfigError(
                f"{call.reference or 'the connection'} does not say where the project is",
                code="DRV060",
                found="no `dsn`, and no `url` with `key`",
                expected="dsn: the project's PostgreSQL address; or url: https://<project>.supabase.co and key",
                fix="complete the connection in osiris_connections.yaml",
            )
        if address.scheme == "http" and not is_loopback(address.hostname):
            raise ConfigError(
                f"{call.reference or 'the connection'} would send its key in clear",
                code="DRV060",
                found="a `url` with http:",
                expected="https, or a project on this machine",
                fix="write `url` with https:",
            )
        self.place = f"{call.reference} ({address.hostname})" if call.reference else str(address.hostname)
        self.stopped = stopped
        self._address = address
        self._root = address.path.rstrip("/").removesuffix(_ROOT) + _ROOT
        self._schema = str(call.config.get("schema") or fields.get("schema") or "public")
        self._key = str(fields["key"])
        self._tries = tries
        self._timeout = timeout
        self._line: http.client.HTTPConnection | None = None
        self._lock = threading.Lock()

    @property
    def schema(self) -> str:
        """The schema that all requests are about."""
        return self._schema

    def get(self, path: str, parameters: Mapping[str, str], **headers: str) -> Answer:
        """Read something."""
        return self._tried("GET", path, parameters, headers, None, again=True)

    def post(self, path: str, parameters: Mapping[str, str], rows: list[str], *, again: bool, prefer: str) -> Answer:
        """Send rows, each a JSON object; `again` tells that sending them twice does no harm."""
        body = f"[{','.join(rows)}]".encode()
        headers = {"Content-Type": "application/json", "Prefer": prefer}
        return self._tried("POST", path, parameters, headers, body, again=again)

    def _tried(
        self, method: str, path: str, parameters: Mapping[str, str], headers: Mapping[str, str], body: bytes | None,
        *, again: bool,
    ) -> Answer:  # fmt: skip
        target = f"{self._root}/{quote(path, safe='')}?{urlencode(parameters)}"
        for attempt in range(1, self._tries + 1):
            self.stopped.check()
            pause, last = _PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1), attempt == self._tries  # noqa: S311 - so that clients do not meet
            try:
                status, found, content = self._once(method, target, headers, body)
            except (OSError, http.client.HTTPException) as error:
                self.cut()
                self.stopped.check()
                if last or not again:
                    raise self._broken(error, again=again) from error
            else:
                if status < 300:
                    return Answer(found, content)
                if last or status not in _PASSING or not (again or status == 429):
                    raise self._refused(status, content, again=again)
                pause = max(pause, float(found.get("retry-after", "0") or 0)) if status == 429 else pause
            self.stopped.event.wait(min(pause, 30))
        raise AssertionError("the last try returns or raises")

    def _once(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        with self._lock:
            line = self._line = self._line or self._connected()
        own = {"apikey": self._key, "Authorization": f"Bearer {self._key}", "User-Agent": "osiris"}
        profile = {"Accept-Profile" if method == "GET" else "Content-Profile": self._schema}
        line.request(method, target, body, {**own, **profile, **headers})
        answer = line.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def _connected(self) -> http.client.HTTPConnection:
        host, port = str(self._address.hostname), self._address.port
        if self._address.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self._timeout)
        return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=ssl.create_default_context())

    def cut(self) -> None:
        """End the line; whoever waits for it gets an error. Idempotent."""
        with self._lock:
            line, self._line = self._line, None
        if line is not None:
            with suppress(OSError):
                if line.sock is not None:
                    line.sock.shutdown(socket.SHUT_RDWR)
            line.close()

    def _broken(self, error: Exception, *, again: bool) -> DriverError:
        if again:
            code, fix = "DRV061", "check `url`, and run the step again"
        else:
            code, fix = "DRV077", "look at the table: the rows may be there; an upsert can be repeated without harm"
        return DriverError(
            f"{self.place}: no answer: {error or type(error).__name__}",
            code=code,
            found=type(error).__name__,
            expected="an answer",
            fix=fix,
            retryable="transient" if again else "ambiguous",
        )

    def _refused(self, status: int, content: bytes, *, again: bool) -> DriverError:
        """Return the error for the server's own; its `details` are left out, they quote values."""
        try:
            body = json.loads(content)
        except ValueError:
            body = {}
        body = body if isinstance(body, dict) else {}
        message = str(body.get("message") or http.client.responses.get(status, "no reason given"))
        passing = status in _PASSING
        code, fix = "DRV074", str(body.get("hint") or "look up the server's message")
        if status in (401, 403):
            code, fix = "DRV073", "correct `key`: writing, and the columns of tables, need the service key"
        elif passing:
            fix = "run the step again"
        return DriverError(
            f"{self.place}: {message}",
            code=code,
            found=f"HTTP {status}" + (f", {body['code']}" if body.get("code") else ""),
            expected="an answer below 300",
            fix=fix,
            retryable=("transient" if again else "ambiguous") if passing else "permanent",
        )
