"""Binding: where the page listens, by which names it is known there, and what it takes beyond this machine."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.errors import CannotBind

LOOPBACK = "127.0.0.1"
HOW = 'Set host = "127.0.0.1" under [page] in data/config.toml'


@dataclass(frozen=True, slots=True)
class Where:
    """Say where the page is asked to listen and how people reach it; see [page] in config.toml."""

    host: str
    port: int
    public_url: str = ""
    trusted_network: bool = False
    proxies: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Return the address to listen on as numbers."""
        return LOOPBACK if self.host == "localhost" else self.host

    @property
    def is_beyond(self) -> bool:
        """Say whether others than programs of this machine can reach it."""
        try:
            return not ipaddress.ip_address(self.address).is_loopback
        except ValueError:
            return True

    def check(self, accounts: bool) -> None:
        """Raise CannotBind where strangers would come in, or passwords travel in clear, and nobody said they may."""
        if not self.is_beyond:
            return
        if not accounts:
            raise CannotBind(
                f"The page does not listen on {self.host}: beyond this machine it needs accounts, and there are none.",
                f"Make one: ./limner people add NAME. Or: {HOW}.",
            )
        if not self.public_url:
            raise CannotBind(
                f"The page does not listen on {self.host}: it must know the address people type.",
                f"Set public_url under [page] in data/config.toml. Or: {HOW}.",
            )
        if not self.public_url.startswith("https://") and not self.trusted_network:
            raise CannotBind(
                f"The page does not listen on {self.host} without TLS: passwords would travel in clear.",
                "Put TLS in front and an https public_url (docs/deploy.md), or set trusted_network = true.",
            )

    def listen(self) -> list[socket.socket]:
        """Listen on loopback, always, and beyond it where that is wanted, on one port."""
        if not self.is_beyond:
            return [_listen(self.address, self.port, self.host)]
        try:
            ipaddress.ip_address(self.address)
        except ValueError:
            raise CannotBind(f"{self.host} is no address of numbers.", f"{HOW}, or another address of yours.") from None
        first = _listen("0.0.0.0" if self.address == "0.0.0.0" else LOOPBACK, self.port, self.host)
        if self.address == "0.0.0.0":
            return [first]
        try:
            return [first, _listen(self.address, first.getsockname()[1], self.host)]
        except CannotBind:
            first.close()
            raise

    def local(self, port: int) -> str:
        """Return the address programs of this machine reach it by."""
        host = LOOPBACK if self.is_beyond else self.address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def origins(self, port: int) -> Mapping[str, str]:
        """Return each Host it answers to, as browsers send it, with the Origin of its own page there."""
        names = {self.local(port), f"http://{LOOPBACK}:{port}", f"http://localhost:{port}"}
        found = {name.removeprefix("http://"): name for name in names}
        if self.public_url:
            parts = urlsplit(self.public_url.lower())
            # Browsers leave out the port that goes without saying.
            name = parts.netloc.removesuffix(":443" if parts.scheme == "https" else ":80")
            found[name] = f"{parts.scheme}://{name}"
        return found


def _listen(address: str, port: int, named: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family)
    except OSError as error:
        why = "is taken by another program" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
        raise CannotBind(
            f"Port {port} on {named} {why}.",
            "Set another port under [page] in data/config.toml; port = 0 takes any free one.",
        ) from error
