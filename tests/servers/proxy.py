"""A line between a client and a server that a test can freeze, or cut at a word of the client."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Proxy:
    """Passes bytes both ways until told otherwise; `port` is where clients connect."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.flowing = threading.Event()
        self.flowing.set()
        self.cut_after = b""  # the client's word that still arrives, while its answer does not
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                server = socket.create_connection(self._server)
                cut = threading.Event()
                for source, sink, from_client in ((client, server, True), (server, client, False)):
                    threading.Thread(
                        target=self._pass, args=(source, sink, cut), kwargs={"from_client": from_client}, daemon=True
                    ).start()

    def _pass(self, source: socket.socket, sink: socket.socket, cut: threading.Event, *, from_client: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self.flowing.wait()
                if from_client and self.cut_after and self.cut_after in data:
                    cut.set()
                    self.cut_after = b""
                    sink.sendall(data)
                    continue
                if cut.is_set() and not from_client:
                    break
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.flowing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who waits for a client
        self._listener.close()


@contextmanager
def proxy_to(host: str, port: int) -> Iterator[Proxy]:
    proxy = Proxy(host, port)
    try:
        yield proxy
    finally:
        proxy.close()
