"""A network between a client and a server on this machine that loses what a test wants it to lose."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_Pump = Callable[[socket.socket, socket.socket, threading.Event], None]


class Network:
    """Listens on `port` and passes bytes on in both directions, as long as `flowing` is set."""

    def __init__(self, host: str, port: int) -> None:
        self._place = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self._word, self._arrives = b"", True
        self._limit, self._freezes = 1 << 62, False
        self._closed = threading.Event()
        self.port = int(self._listener.getsockname()[1])
        self.flowing = threading.Event()
        self.flowing.set()
        self.connections = 0
        self.lost = 0  # questions that stayed without an answer
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self, word: bytes, *, arrives: bool = True, freezing: bool = False) -> None:
        """Close the connection at the next question with this word, or let it freeze.

        That is before the question arrives, or after it did and before its answer does.
        """
        self._word, self._arrives, self._freezes = word, arrives, freezing

    def stop_after(self, answers: int, *, freezing: bool) -> None:
        """After so many bytes of answers on one connection close it, or let it freeze."""
        self._limit, self._freezes = answers, freezing

    def refuse(self) -> None:
        """Take no further connection."""
        _cut(self._listener)

    def close(self) -> None:
        self.flowing.set()
        self._closed.set()
        for end in [self._listener, *self._ends]:
            _cut(end)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                server = socket.create_connection(self._place)
                self._ends += [client, server]
                losing = threading.Event()
                for pump in (self._questions, self._answers):
                    threading.Thread(target=_pumped, args=(pump, client, server, losing), daemon=True).start()

    def _questions(self, client: socket.socket, server: socket.socket, losing: threading.Event) -> None:
        while data := client.recv(65536):
            self.flowing.wait()
            if self._word and self._word in data.lower():
                self._word = b""
                self.lost += 1
                if not self._arrives:
                    return
                losing.set()
            server.sendall(data)

    def _answers(self, client: socket.socket, server: socket.socket, losing: threading.Event) -> None:
        left = self._limit
        while data := server.recv(min(left, 65536)):
            self.flowing.wait()
            if not losing.is_set():
                client.sendall(data)
                left -= len(data)
            if losing.is_set() or left <= 0:
                if self._freezes:
                    self._closed.wait()
                return


@contextmanager
def network_to(host: str, port: int) -> Iterator[Network]:
    network = Network(host, port)
    try:
        yield network
    finally:
        network.close()


def _pumped(pump: _Pump, client: socket.socket, server: socket.socket, losing: threading.Event) -> None:
    with suppress(OSError):
        pump(client, server, losing)
    _cut(client)
    _cut(server)


def _cut(end: socket.socket) -> None:
    """Wake whoever waits for this end; closing alone does not."""
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
