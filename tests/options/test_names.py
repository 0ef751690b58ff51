"""
Tests for L{kcptwisted.options.names}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.options import KCPOptions
from kcptwisted.options.table import OPTIONS
from tests.optionvalues import parse

#: The flags of kcptun's client and server that are about KCP, and what they are here.
KCPTUN = {
    "crypt": "crypt",
    "key": "key",
    "mode": "mode",
    "mtu": "mtu",
    "ratelimit": "rateLimit",
    "sndwnd": "sendWindow",
    "rcvwnd": "receiveWindow",
    "datashard": "dataShards",
    "ds": "dataShards",
    "parityshard": "parityShards",
    "ps": "parityShards",
    "dscp": "dscp",
    "acknodelay": "ackNoDelay",
    "nodelay": "nodelay",
    "interval": "interval",
    "resend": "resend",
    "nc": "nc",
    "sockbuf": "socketBuffer",
    "keepalive": "keepAlive",
    "closewait": "linger",
}

#: kcp-go's methods, and functions and fields of C.
KCP = {
    "SetWindowSize": "sendWindow and receiveWindow",
    "SetMtu": "mtu",
    "SetNoDelay": "nodelay",
    "SetStreamMode": "stream",
    "SetWriteDelay": "writeDelay",
    "SetACKNoDelay": "ackNoDelay",
    "SetDSCP": "dscp",
    "SetReadBuffer": "socketBuffer",
    "SetWriteBuffer": "socketBuffer",
    "SetRateLimit": "rateLimit",
    "SetDeadline": "timeout",
    "ikcp_wndsize": "sendWindow and receiveWindow",
    "ikcp_nodelay": "nodelay",
    "ikcp_setmtu": "mtu",
    "snd_wnd": "sendWindow",
    "rcv_wnd": "receiveWindow",
    "rx_minrto": "nodelay",
    "fastresend": "resend",
    "nocwnd": "nc",
    "dead_link": "deadAfter",
}

SLIPS = {
    "MTU": "mtu",
    "send_window": "sendWindow",
    "recieveWindow": "receiveWindow",
    "sendwindow": "sendWindow",
    " mtu": "mtu",
    "mtu ": "mtu",
    "timeOut": "timeout",
    "dataShard": "dataShards",
    "keep-alive": "keepAlive",
    "keyfile": "keyFile",
    "raw_key": "rawKey",
    "lingering": "linger",
    "password": "key",
    "cipher": "crypt",
}


class SuggestionTests(SynchronousTestCase):
    """
    Names of options that there are not.
    """

    def unknown(self, name: str, end: str = "client") -> str:
        """
        @return: the error.
        """
        problem = self.assertRaises(ValueError, KCPOptions.fromStrings, {name: "1"}, end, {})
        text = str(problem)
        self.assertIn(f"unknown {end} option {name!r}", text)
        return text

    def test_names(self) -> None:
        """
        Other programs' names, and slips, are told what they are here.
        """
        ours = {option.name for option in OPTIONS}
        for name, meant in (KCPTUN | KCP | SLIPS).items():
            with self.subTest(name=name):
                self.assertLessEqual(set(meant.split(" and ")), ours)
                if name not in ours:
                    self.assertTrue(self.unknown(name).endswith(f": did you mean {meant}?"))

    def test_around(self) -> None:
        """
        What kcptun does around KCP is not done here, and that is told.
        """
        for name in ("nocomp", "smuxver", "smuxbuf", "framesize", "streambuf", "conn", "QPP"):
            self.assertTrue(self.unknown(name).endswith("leave it out"))

    def test_otherEnd(self) -> None:
        """
        An option of the other end's is told to be that, or what does the same here.
        """
        self.assertTrue(self.unknown("timeout", "server").endswith(": the client has it"))
        self.assertTrue(self.unknown("workers").endswith(": the server has it"))
        self.assertIn("did you mean bindAddress?", self.unknown("interface"))
        self.assertIn("did you mean interface?", self.unknown("bindAddress", "server"))
        for name in ("listen", "host"):
            self.assertIn("did you mean interface?", self.unknown(name, "server"))

    def test_nothing(self) -> None:
        """
        Where nothing is near, nothing is suggested, and all that is allowed is listed.
        """
        for name in ("speed", "x", "", "set", "\u00e4"):
            text = self.unknown(name)
            self.assertNotIn("did you mean", text)
            self.assertIn(f"{name!r}; allowed are bindAddress, fd", text)


class HintTests(SynchronousTestCase):
    """
    Values in other programs' way.
    """

    def test_four(self) -> None:
        """
        KCP's four numbers at once are told to be four options.
        """
        for text in ("1 10 2 1", "1,10,2,1", "(1, 10, 2, 1)"):
            problem = str(self.assertRaises(ValueError, parse, nodelay=text))
            self.assertIn("nodelay must be yes or no (1 or 0)", problem)
            self.assertIn("nodelay=1:interval=10:resend=2:nc=1", problem)
        parse(nodelay="1", interval="10", resend="2", nc="1")

    def test_manual(self) -> None:
        """
        kcptun's mode of that name is told to be none.
        """
        problem = str(self.assertRaises(ValueError, parse, mode="manual"))
        self.assertIn("mode must be one of normal, fast, fast2, fast3, not 'manual'", problem)
        self.assertIn("nodelay, interval, resend and nc", problem)
