"""What a stranger may do to a service: each takes a port, a number of seconds, and that time.

Whatever the service does to their connections is no error.
"""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from itertools import repeat

import use_cases

HOST = "127.0.0.1"
KB, MB = 1024, 1024 * 1024
MANY = 1_000

Attack = Callable[[int, float], None]


def head(method: str, path: str, *fields: str) -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", f"Host: {HOST}", *fields, "", "")).encode()


def connected(port: int) -> socket.socket:
    made = socket.create_connection((HOST, port), timeout=5)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


@contextlib.contextmanager
def connections(port: int, count: int) -> Iterator[list[socket.socket]]:
    made: list[socket.socket] = []
    try:
        for _ in range(count):
            with contextlib.suppress(OSError):
                made.append(connected(port))
        yield made
    finally:
        for one in made:
            one.close()


def sent(one: socket.socket, data: bytes) -> bool:
    try:
        one.sendall(data)
    except OSError:
        return False
    return True


def stay(port: int, seconds: float, first: bytes, drip: bytes = b"", count: int = MANY) -> None:
    """Many connections that say `first`, then a `drip` each second; who is closed comes again."""
    until = time.monotonic() + seconds
    with connections(port, count) as made:
        for one in made:
            sent(one, first)
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(1.0, left))
            for one in made if drip else ():
                sent(one, drip)


def pour(port: int, seconds: float, first: bytes, more: Callable[[], Iterable[bytes]]) -> None:
    """One connection after the other that says `first`, and `more` until it is closed."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError), connected(port) as one:
            one.sendall(first)
            for part in more():
                one.sendall(part)
                if time.monotonic() > until:
                    break


def at_once(attack: Attack, count: int) -> Attack:
    """An attack several times at once."""

    @wraps(attack)
    def together(port: int, seconds: float) -> None:
        threads = [threading.Thread(target=attack, args=(port, seconds)) for _ in range(count)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()

    return together


def post(path: str, body: bytes, *fields: str) -> bytes:
    return head("POST", path, f"Content-Length: {len(body)}", *fields) + body


def ask(port: int, seconds: float, request: bytes) -> None:
    """The same request again and again, each read to its end."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError), connected(port) as one:
            one.settimeout(30)
            sent(one, request)
            while one.recv(256 * KB):
                pass


def form(*parts: bytes) -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


def file_part(content: bytes) -> bytes:
    return b'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + content


def table(body: bytes, *fields: str) -> bytes:
    media = "Content-Type: multipart/form-data; boundary=b"
    return post("/v1/customerbatch", body, media, "Connection: close", *fields)


def zipped(path: str, plain: bytes, *fields: str) -> bytes:
    return post(path, gzip.compress(plain, 9), "Content-Encoding: gzip", *fields)


CUSTOMERS = ",".join(use_cases.load_form("telecom_churn").names).encode() + b"\n"
POST_HALF = head("POST", "/predict", "Content-Length: 1000") + b"{" * 10
CHUNKED = head("POST", "/predict", "Transfer-Encoding: chunked")
TABLE_CHUNKED = head(
    "POST",
    "/v1/customerbatch",
    "Transfer-Encoding: chunked",
    "Content-Type: multipart/form-data; boundary=b",
)


def silence(port: int, seconds: float) -> None:
    stay(port, seconds, b"")


def half_heads(port: int, seconds: float) -> None:
    stay(port, seconds, head("GET", "/")[:-2] + b"X-A: ", b"a")


def half_bodies(port: int, seconds: float) -> None:
    stay(port, seconds, POST_HALF, b"{")


def unread_answers(port: int, seconds: float) -> None:
    stay(port, seconds, head("GET", "/docs/swagger-ui.js") * 4)


def many_fields(port: int, seconds: float) -> None:
    pour(port, seconds, head("GET", "/")[:-2], lambda: repeat(b"a: b\r\n" * 10_000))


def one_field(port: int, seconds: float) -> None:
    pour(port, seconds, head("GET", "/")[:-2] + b"X-A: ", lambda: repeat(b"a" * MB, 100))


def long_url(port: int, seconds: float) -> None:
    pour(port, seconds, b"GET /", lambda: repeat(b"a" * MB, 100))


def pipelines(port: int, seconds: float) -> None:
    pour(port, seconds, b"", lambda: repeat(head("GET", "/v2") * 10_000))


def chunk_extensions(port: int, seconds: float) -> None:
    pour(port, seconds, CHUNKED + b"1;", lambda: repeat(b"a" * MB))


def tiny_chunks(port: int, seconds: float) -> None:
    pour(port, seconds, TABLE_CHUNKED, lambda: repeat(b"1\r\na\r\n" * 100_000))


def trailers(port: int, seconds: float) -> None:
    pour(port, seconds, CHUNKED + b"2\r\n{}\r\n0\r\n", lambda: repeat(b"a: b\r\n" * 10_000))


def gzip_bombs(port: int, seconds: float) -> None:
    ask(port, seconds, zipped("/predict", bytes(300 * MB), "Connection: close"))


def table_bombs(port: int, seconds: float) -> None:
    plain = form(file_part(bytes(60 * MB)))
    ask(port, seconds, table(gzip.compress(plain, 9), "Content-Encoding: gzip"))


def part_bombs(port: int, seconds: float) -> None:
    part = b'Content-Disposition: form-data; name="a"\r\n\r\n'
    plain = form(*[part] * 900_000)
    ask(port, seconds, table(gzip.compress(plain, 6), "Content-Encoding: gzip"))


def almost_boundaries(port: int, seconds: float) -> None:
    plain = form(file_part(b"\r\n--\r\n-" * (8 * MB)))
    ask(port, seconds, table(gzip.compress(plain, 6), "Content-Encoding: gzip"))


def wide_rows(port: int, seconds: float) -> None:
    plain = form(file_part(CUSTOMERS + b"," * (60 * MB)))
    ask(port, seconds, table(gzip.compress(plain, 6), "Content-Encoding: gzip"))


def wide_header(port: int, seconds: float) -> None:
    header = CUSTOMERS.strip() + b"," + b"x" * 100_000 + b"\n"
    plain = form(file_part(header + (b"," * 10 + b"\n") * 20_000))
    ask(port, seconds, table(gzip.compress(plain, 6), "Content-Encoding: gzip"))


def many_rows(port: int, seconds: float) -> None:
    plain = form(file_part(CUSTOMERS + (b",,,,,,,,,\n") * 500_000))
    ask(port, seconds, table(gzip.compress(plain, 6), "Content-Encoding: gzip"))


ATTACKS: tuple[Attack, ...] = (
    silence,
    half_heads,
    half_bodies,
    unread_answers,
    at_once(many_fields, 4),
    at_once(one_field, 4),
    at_once(long_url, 4),
    at_once(pipelines, 4),
    at_once(chunk_extensions, 4),
    at_once(tiny_chunks, 4),
    at_once(trailers, 4),
    at_once(gzip_bombs, 4),
    at_once(table_bombs, 4),
    at_once(part_bombs, 4),
    at_once(almost_boundaries, 4),
    at_once(wide_rows, 4),
    at_once(wide_header, 4),
    at_once(many_rows, 4),
)
