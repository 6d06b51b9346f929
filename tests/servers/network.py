"""A network between a client and a server on this machine that loses what a test wants it to lose."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress


class Network:
    """Listens on `port` and passes bytes on in both directions.

    After `limit` bytes of answers on one connection `then` is called with the client's end, and no more passes. A
    packet that begins with `word` behind its header of five bytes passes, but its answer is lost, once.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        limit: int = 1 << 62,
        then: Callable[[socket.socket], None] = lambda client: None,
        word: bytes = b"",
    ) -> None:
        self._place = (host, port)
        self._limit, self._then, self._word = limit, then, word
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self.port = int(self._listener.getsockname()[1])
        self.lost = 0
        self._losing: socket.socket | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for end in [self._listener, *self._ends]:
            _cut(end)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._place)
            self._ends += [client, server]
            for pump in (self._questions, self._answers):
                threading.Thread(target=self._pumped, args=(pump, client, server), daemon=True).start()

    @staticmethod
    def _pumped(
        pump: Callable[[socket.socket, socket.socket], None], client: socket.socket, server: socket.socket
    ) -> None:
        try:
            pump(client, server)
        except OSError:
            pass
        finally:
            _cut(client)
            _cut(server)

    def _questions(self, client: socket.socket, server: socket.socket) -> None:
        while data := client.recv(65536):
            losing = bool(self._word) and not self.lost and data[5:].lower().startswith(self._word)
            if losing:
                self.lost += 1
                self._losing = client
            server.sendall(data)
            if losing:
                time.sleep(0.3)  # for the server to do what was asked
                return

    def _answers(self, client: socket.socket, server: socket.socket) -> None:
        left = self._limit
        while data := server.recv(min(left, 65536)):
            if client is self._losing:
                continue
            client.sendall(data)
            left -= len(data)
            if left <= 0:
                self._then(client)
                return


def _cut(end: socket.socket) -> None:
    """Wake whoever waits for this end; closing alone does not."""
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
