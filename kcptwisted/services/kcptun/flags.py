"""
The table of flags: kcptun's names, defaults and meanings.
"""

from __future__ import annotations

from typing import NamedTuple

CLIENT, SERVER = "client", "server"

#: The release of kcptun whose defaults C{--compat} restores.
OLD = "20210922"

#: What a flag's value can be.
Value = str | int | bool


class Flag(NamedTuple):
    """
    One flag.

    @ivar name: the long name; also the key in the JSON file.
    @ivar client: the default at the client; None if the client does not have the flag.
    @ivar server: the same for the server.
    @ivar meaning: one sentence.
    @ivar short: the other names.
    @ivar old: the default with C{--compat 20210922}; None if it is the same.
    @ivar low: the smallest number.
    @ivar high: the largest number.
    @ivar choices: the values of a text, if they are fixed.
    """

    name: str
    client: Value | None
    server: Value | None
    meaning: str
    short: tuple[str, ...] = ()
    old: Value | None = None
    low: int = 0
    high: int = (1 << 31) - 1
    choices: tuple[str, ...] = ()

    @property
    def kind(self) -> type:
        """
        C{str}, C{int} or C{bool}.
        """
        return type(self.server if self.client is None else self.client)

    @property
    def description(self) -> str:
        """
        The meaning, and what may be given if there are few values.
        """
        if not self.choices:
            return self.meaning
        allowed = self.allowed
        return f"{self.meaning} {allowed[0].upper()}{allowed[1:]}."

    @property
    def allowed(self) -> str:
        """
        What may be given, for people.
        """
        choices = [choice for choice in self.choices if choice]
        if choices:
            return f"one of {', '.join(choices)}" if len(choices) > 1 else choices[0]
        if self.kind is bool:
            return "true or false"
        return "text" if self.kind is str else f"a number, {self.low} to {self.high}"

    def default(self, end: str, compat: str = "") -> Value | None:
        """
        Returns the default at an end; None if the end does not have the flag.

        @param end: L{CLIENT} or L{SERVER}.
        @param compat: the value of C{--compat}.
        """
        value = self.client if end == CLIENT else self.server
        return self.old if compat and value is not None and self.old is not None else value


#: The ciphers of kcptun 20210922, which takes any other name for aes.
OLD_CIPHERS = (
    "aes", "aes-128", "aes-192", "salsa20", "blowfish", "twofish", "cast5", "3des", "tea", "xtea",
    "xor", "sm4", "none",
)  # fmt: skip

#: Those that newer releases have.
CIPHERS = (*OLD_CIPHERS, "null", "aes-128-gcm")

MANUAL = "manual"
MODES = ("fast3", "fast2", "fast", "normal", MANUAL)

FLAGS = (
    Flag("localaddr", ":12948", None, "Where to take TCP connections: host:port, or the path of a "
         "unix socket.", ("l",)),
    Flag("listen", None, ":29900", "The UDP port, or range of ports as in :3000-3010, to listen "
         "at.", ("l",)),
    Flag("remoteaddr", "vps:29900", None, "The server: host:port, or host:3000-3010, of which each "
         "session takes one port.", ("r",)),
    Flag("target", None, "127.0.0.1:12948", "Where to connect to for each stream: host:port, or "
         "the path of a unix socket.", ("t",)),
    Flag("key", "it's a secrect", "it's a secrect", "The passphrase, the same at both ends. "
         "KCPTUN_KEY in the environment is the default."),
    Flag("crypt", "aes", "aes", "The cipher, the same at both ends.", choices=CIPHERS),
    Flag("mode", "fast", "fast", "How eagerly ACKs and retransmissions are sent; manual takes "
         "nodelay, interval, resend and nc as they are.", choices=MODES),
    Flag("QPP", False, False, "Refused: it obfuscates the streams in a way of kcptun's own."),
    Flag("QPPCount", 61, 61, "Of no effect without QPP."),
    Flag("conn", 1, None, "How many sessions, each with a UDP socket, share the connections.",
         low=1, high=65535),
    Flag("autoexpire", 0, None, "Seconds after which a session takes no more connections; 0 means "
         "never."),
    Flag("scavengettl", 600, None, "Seconds after that at which the session is closed, whatever it "
         "carries."),
    Flag("mtu", 1350, 1350, "The largest UDP payload, bytes.", low=50, high=1500),
    Flag("ratelimit", 0, 0, "The most that a session sends a second, bytes; 0 means no limit."),
    Flag("sndwnd", 128, 1024, "The most segments in flight. If it is not given, up to 8192; with "
         "manual, the default here.", low=1, high=65535),
    Flag("rcvwnd", 512, 1024, "The most segments held for the streams. If it is not given, 1024 "
         "growing to 8192; with manual, the default here.", low=1, high=65535),
    Flag("datashard", 10, 10, "Data shards of a FEC group; 0 turns FEC off.", ("ds",), high=255),
    Flag("parityshard", 3, 3, "Parity shards of a FEC group; 0 turns FEC off.", ("ps",), high=255),
    Flag("dscp", 0, 0, "Differentiated services code point of the datagrams.", high=63),
    Flag("nocomp", False, False, "No compression; the same at both ends."),
    Flag("acknodelay", False, False, "Send ACKs at once."),
    Flag("nodelay", 0, 0, "With manual: 1 makes retransmission timeouts short.", high=1),
    Flag("interval", 50, 50, "With manual: how long an ACK may wait, ms.", low=10, high=5000),
    Flag("resend", 0, 0, "With manual: send again after so many ACKs of later segments; 0 means "
         "never.", high=1000),
    Flag("nc", 0, 0, "With manual: 1 turns KCP's congestion window off.", high=1),
    Flag("sockbuf", 4194304, 4194304, "The kernel's buffers of each UDP socket, bytes.", low=4096,
         high=1 << 30),
    Flag("smuxver", 2, 2, "The version of smux, the same at both ends.", old=1, low=1, high=2),
    Flag("smuxbuf", 4194304, 4194304, "The most that a session holds for its streams, bytes.",
         low=1),
    Flag("framesize", 8192, 8192, "The most bytes of a smux frame.", old=32768, low=1, high=65535),
    Flag("streambuf", 2097152, 2097152, "The most that a stream holds, bytes; smux 2 only.", low=1),
    Flag("keepalive", 10, 10, "Seconds between two signs of life. A peer gives a session up that "
         "has been silent for 30.", low=1, high=30),
    Flag("closewait", 0, 30, "Seconds without data after which a half-closed stream is closed; 0 "
         "means never."),
    Flag("snmplog", "", "", "A file for the counters, as CSV; its name may hold Go's layout of "
         "times, as in snmp-20060102.log."),
    Flag("snmpperiod", 60, 60, "Seconds between two lines of it.", low=1),
    Flag("pprof", False, False, "Ignored, with a warning: it is Go's profiler."),
    Flag("log", "", "", "A file for the log; the standard output without it."),
    Flag("logformat", "text", "text", "How the log is written.",
         choices=("text", "json")),
    Flag("metrics", "", "", "Tell Prometheus the counters at GET /metrics of an endpoint, such as "
         "tcp:9100:interface=127.0.0.1."),
    Flag("status", "", "", "Show the status page at an endpoint, such as "
         "tcp:8081:interface=127.0.0.1."),
    Flag("statushost", "", "", "Host names by which the page may be asked for, with commas "
         "between; addresses and localhost always may."),
    Flag("statustoken", "", "", "A token that the page wants."),
    Flag("quiet", False, False, "No line in the log for each stream."),
    Flag("tcp", False, False, "Refused: it sends TCP segments of its own making over a raw "
         "socket."),
    Flag("c", "", "", "A JSON file, whose keys are the long names; it overrides the command line."),
    Flag("compat", "", "", "Take the defaults of an older kcptun, where they differ:",
         choices=("", OLD)),
)  # fmt: skip


def flagsOf(end: str) -> dict[str, Flag]:
    """
    Returns the flags of an end by their long names.
    """
    return {flag.name: flag for flag in FLAGS if flag.default(end) is not None}


def _code(value: Value) -> str:
    return (
        f"`{str(value).lower() if isinstance(value, bool) else value}`" if value != "" else "none"
    )


def flagTable() -> str:
    """
    Returns the flags as a Markdown table.
    """
    lines = ["| flag | client | server | meaning |", "| --- | --- | --- | --- |"]
    for flag in FLAGS:
        names = ", ".join(f"`{name}`" for name in (flag.name, *flag.short))
        defaults = []
        for end in (CLIENT, SERVER):
            value = flag.default(end)
            shown = "–" if value is None else _code(value)
            if value is not None and flag.old is not None:
                shown += f" (old: `{flag.old}`)"
            defaults.append(shown)
        lines.append(f"| {names} | {defaults[0]} | {defaults[1]} | {flag.description} |")
    return "\n".join(lines)
