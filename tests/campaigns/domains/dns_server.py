"""A DNS server on loopback: UDP and TCP, with what a test says it knows."""

from __future__ import annotations

import contextlib
import socketserver
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset


class Zone:
    """`put("TXT", "example.org", "v=spf1 -all")`; TXT values are cut into strings of 255. It may fall silent, or refuse."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.asked: Counter[tuple[str, str]] = Counter()
        self.over_tcp = 0
        self.is_silent = False
        self.silent: set[str] = set()
        self.broken: set[str] = set()
        self.address: tuple[str, int] = ("127.0.0.1", 0)

    def put(self, kind: str, name: str, *values: str) -> None:
        self.records[kind, name.lower().rstrip(".")] = list(values)

    def answer(self, wire: bytes) -> dns.message.Message | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = str(question.name).rstrip(".").lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked[kind, name] += 1
        if self.is_silent or name in self.silent:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if name in self.broken:
            response.set_rcode(dns.rcode.SERVFAIL)
            return response
        values = self.records.get((kind, name))
        if values:
            rows = [dns.rdata.from_text(dns.rdataclass.IN, question.rdtype, _written(kind, value)) for value in values]
            response.answer.append(dns.rrset.from_rdata_list(question.name, 60, rows))
        elif not any(known == name for _kind, known in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response


def _written(kind: str, value: str) -> str:
    if kind != "TXT":
        return value
    raw = value.encode("utf-8")
    parts = [raw[start : start + 255] for start in range(0, len(raw), 255)] or [b""]
    return " ".join('"' + "".join(f"\\{byte:03d}" for byte in part) + '"' for part in parts)


def _on_one_port(udp: type, tcp: type) -> list[Any]:
    """A port that is free for both: one that is free for UDP may be taken for TCP."""
    for _try in range(50):
        first = socketserver.ThreadingUDPServer(("127.0.0.1", 0), udp)
        try:
            return [first, socketserver.ThreadingTCPServer(first.server_address[:2], tcp)]
        except OSError:
            first.server_close()
    raise OSError("no port is free for both UDP and TCP")


@contextlib.contextmanager
def running_zone() -> Iterator[Zone]:
    zone = Zone()

    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, sock = self.request
            response = zone.answer(wire)
            if response is None:
                return
            try:
                sent = response.to_wire(max_size=512)
            except dns.exception.TooBig:
                response.answer.clear()
                response.flags |= dns.flags.TC
                sent = response.to_wire()
            sock.sendto(sent, self.client_address)

    class Tcp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            zone.over_tcp += 1
            (length,) = struct.unpack("!H", self._read(2))
            response = zone.answer(self._read(length))
            if response is not None:
                sent = response.to_wire()
                self.request.sendall(struct.pack("!H", len(sent)) + sent)

        def _read(self, length: int) -> bytes:
            found = b""
            while len(found) < length and (part := self.request.recv(length - len(found))):
                found += part
            return found

    servers = _on_one_port(Udp, Tcp)
    zone.address = servers[0].server_address[:2]
    threads = [threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield zone
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()
