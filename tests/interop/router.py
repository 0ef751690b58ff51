"""
Two hosts and a router between them, each in a network namespace: what a tunnel does to datagrams.

A program that runs in a network of its own uses it, and is the router: see L{APART}.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import which
from typing import Any

#: Runs a program in a network of its own.
APART = ["unshare", "--net", "--map-root-user"]

#: Seconds that a host is there at most.
LIFE = "120"

#: Bytes that the network cards of the hosts take, beside what the tunnel carries.
ETHERNET = 1500

#: The addresses by family: of the client, of the router on its side, and on the server's, and of
#: the server.
ADDRESSES = {
    4: ("10.9.1.2", "10.9.1.1", "10.9.2.1", "10.9.2.2"),
    6: ("fd09:1::2", "fd09:1::1", "fd09:2::1", "fd09:2::2"),
}

_LENGTH = {4: 24, 6: 64}

FORWARDING = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")


def canBeApart() -> bool:
    """
    @return: whether this user may make networks.
    """
    tools = ("unshare", "nsenter", "ip")
    if not (sys.platform.startswith("linux") and all(map(which, tools))):
        return False
    made = subprocess.run(
        [*APART, "ip", "link", "add", "one", "type", "veth", "peer", "name", "other"],
        capture_output=True,
        check=False,
    )
    return made.returncode == 0


class Host:
    """
    A host behind the router, on a side of it of its own.
    """

    def __init__(self, number: int) -> None:
        """
        @param number: 0 or 1.
        """
        self._number = number
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", f"echo ready; exec sleep {LIFE}"],
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        self._holder.stdout.readline()
        self._inside = ["nsenter", "--target", str(self._holder.pid), "--net"]
        own, routers = f"host{number}", f"router{number}"
        run("ip", "link", "add", routers, "type", "veth", "peer", "name", own)
        run("ip", "link", "set", own, "netns", str(self._holder.pid))
        run(*self._inside, "ip", "link", "set", "lo", "up")
        for family, addresses in ADDRESSES.items():
            mine, gateway = addresses[:2] if number == 0 else addresses[:1:-1]
            _address(family, gateway, routers)
            _address(family, mine, own, self._inside)
        # What a card segments itself is not dropped for its size.
        run("ip", "link", "set", routers, "gso_max_segs", "1")
        run("ip", "link", "set", routers, "up")
        run(*self._inside, "ip", "link", "set", own, "up")
        for addresses in ADDRESSES.values():
            gateway = addresses[1 + number]
            run(*self._inside, "ip", "route", "add", "default", "via", gateway)

    def carry(self, size: int, isKnown: bool = True) -> None:
        """
        Has the way to the host carry IP packets of that size.

        @param isKnown: whether the router knows, and tells who sends larger ones.  Else they
            vanish.
        """
        router = size if isKnown else max(size, ETHERNET)
        run("ip", "link", "set", f"router{self._number}", "mtu", str(router))
        # A card drops what is more than four bytes larger than it takes.
        own = size if isKnown else size - 4
        run(*self._inside, "ip", "link", "set", f"host{self._number}", "mtu", str(own))

    def ignoreLimits(self) -> None:
        """
        Has the host take no notice of routers that say what is too large (ICMP, IPv4).
        """
        setting = "/proc/sys/net/ipv4/ip_no_pmtu_disc"
        run(*self._inside, "sh", "-c", f"echo 2 > {setting}")

    def start(self, *command: str) -> subprocess.Popen[str]:
        """
        Starts a program on the host, in this process's directory.
        """
        return subprocess.Popen(
            [*self._inside, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def counters(self) -> dict[str, int]:
        """
        @return: what the host's IP has counted.
        """
        done = subprocess.run(
            [*self._inside, "cat", "/proc/net/snmp", "/proc/net/snmp6"],
            capture_output=True,
            text=True,
            check=True,
        )
        return _counters(done.stdout)

    def stop(self) -> None:
        """
        Ends the host.
        """
        self._holder.kill()
        self._holder.wait()
        assert self._holder.stdout is not None
        self._holder.stdout.close()


def run(*command: str) -> None:
    """
    Runs a command that must succeed.
    """
    subprocess.run(command, check=True)


def _address(family: int, address: str, device: str, inside: Sequence[str] = ()) -> None:
    more = ["nodad"] if family == 6 else []
    run(*inside, "ip", "address", "add", f"{address}/{_LENGTH[family]}", "dev", device, *more)


def _counters(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    names: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            found[words[0]] = int(words[1])
        elif words[1].lstrip("-").isdigit():
            values = map(int, words[1:])
            found.update(
                {words[0][:-1] + name: value for name, value in zip(names, values, strict=True)}
            )
        else:
            names = words[1:]
    return found


def routerCounters() -> dict[str, int]:
    """
    @return: what the router's IP has counted.
    """
    return _counters(Path("/proc/net/snmp").read_text() + Path("/proc/net/snmp6").read_text())


def connected() -> tuple[Host, Host]:
    """
    @return: the client's host and the server's, with the router between them.
    """
    for name in FORWARDING:
        Path("/proc/sys", name.replace(".", "/")).write_text("1")
    return Host(0), Host(1)


def tell(**what: Any) -> None:
    """
    Prints a line of JSON.
    """
    print(json.dumps(what), flush=True)
