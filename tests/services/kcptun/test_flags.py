"""
Tests for L{kcptwisted.services.kcptun.flags}, C{commandline}, C{addresses} and C{configuration}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.services.kcptun.addresses import Ports, parsePorts
from kcptwisted.services.kcptun.commandline import (
    ConfigurationError,
    parseArguments,
    parseJSON,
)
from kcptwisted.services.kcptun.configuration import Configuration, configure
from kcptwisted.services.kcptun.flags import CLIENT, FLAGS, SERVER, flagsOf, flagTable
from tests.test_docs import DOCS

#: As C{kcptun-client --help} and C{kcptun-server --help} of 20210922 say; and its hidden flags.
OLD_CLIENT = {
    "localaddr": ":12948", "remoteaddr": "vps:29900", "key": "it's a secrect", "crypt": "aes",
    "mode": "fast", "conn": 1, "autoexpire": 0, "scavengettl": 600, "mtu": 1350, "sndwnd": 128,
    "rcvwnd": 512, "datashard": 10, "parityshard": 3, "dscp": 0, "nocomp": False,
    "acknodelay": False, "nodelay": 0, "interval": 50, "resend": 0, "nc": 0, "sockbuf": 4194304,
    "smuxver": 1, "smuxbuf": 4194304, "streambuf": 2097152, "keepalive": 10, "snmplog": "",
    "snmpperiod": 60, "log": "", "quiet": False, "tcp": False, "c": "",
}  # fmt: skip
OLD_SERVER = {
    name: value
    for name, value in OLD_CLIENT.items()
    if name not in ("localaddr", "remoteaddr", "conn", "autoexpire", "scavengettl")
} | {"listen": ":29900", "target": "127.0.0.1:12948", "sndwnd": 1024, "rcvwnd": 1024}

#: What newer releases have changed or added.
NEW = {"smuxver": 2, "framesize": 8192, "QPP": False, "QPPCount": 61, "ratelimit": 0}


def configured(
    end: str, *arguments: str, environ: Mapping[str, str] = {}, file: object = None
) -> Configuration:
    """
    @param file: what the JSON file holds.
    """
    return configure(arguments, end, environ, lambda path: json.dumps(file))


class ErrorCase(SynchronousTestCase):
    """
    Wrong input.
    """

    def assertWrong(self, told: str, end: str, *arguments: str, file: object = None) -> None:
        """
        A configuration is refused, and the message holds C{told}.
        """
        problem = self.assertRaises(ConfigurationError, configured, end, *arguments, file=file)
        self.assertIn(told, str(problem))


class DefaultTests(SynchronousTestCase):
    """
    The defaults.
    """

    def test_old(self) -> None:
        """
        With C{--compat 20210922} they are those of that release.
        """
        for end, expected in ((CLIENT, OLD_CLIENT), (SERVER, OLD_SERVER)):
            values = configured(end, "--compat=20210922").values
            self.assertEqual({name: values[name] for name in expected}, expected)
            self.assertEqual(values["framesize"], 32768)

    def test_new(self) -> None:
        """
        Otherwise they are those of the newest release.
        """
        for end, old, wait in ((CLIENT, OLD_CLIENT, 0), (SERVER, OLD_SERVER, 30)):
            values = configured(end).values
            expected = {**old, **NEW, "closewait": wait}
            self.assertEqual({name: values[name] for name in expected}, expected)

    def test_noOthers(self) -> None:
        """
        There is no flag beside these but C{compat} and C{pprof}, and those that look into the
        program.
        """
        for end, old in ((CLIENT, OLD_CLIENT), (SERVER, OLD_SERVER)):
            looking = {"logformat", "metrics", "status", "statushost", "statustoken"}
            expected = {*old, *NEW, *looking, "closewait", "compat", "pprof"}
            self.assertEqual(set(flagsOf(end)), expected)

    def test_documented(self) -> None:
        """
        The table of flags in docs/kcptun.md is that of the code.
        """
        self.assertIn(flagTable(), (DOCS / "kcptun.md").read_text("utf-8"))

    def test_given(self) -> None:
        """
        What is given is known, so that a default can mean something else.
        """
        self.assertEqual(configured(CLIENT).given, frozenset())
        found = configured(CLIENT, "--sndwnd=128", "-c", "f", file={"rcvwnd": 512}).given
        self.assertEqual(found, {"sndwnd", "rcvwnd", "c"})


class CommandLineTests(ErrorCase):
    """
    The notations.
    """

    def test_notations(self) -> None:
        """
        One dash or two, the value after C{=} or as the next argument, the short names.
        """
        for given in (
            ["-r", "h:1", "-l", ":2", "-ds", "5", "-ps", "2", "-nocomp", "-key", "k=k"],
            ["--remoteaddr=h:1", "--localaddr=:2", "--ds=5", "--ps=2", "--nocomp", "--key=k=k"],
            ["-r=h:1", "--l", ":2", "-datashard=0x5", "--parityshard", "2", "--nocomp=true",
             "--key", "k=k"],
        ):  # fmt: skip
            expected = {
                "remoteaddr": "h:1", "localaddr": ":2", "datashard": 5, "parityshard": 2,
                "nocomp": True, "key": "k=k",
            }  # fmt: skip
            self.assertEqual(parseArguments(given, CLIENT), expected)
        found = parseArguments(["-t", "h:1", "-l=:2"], SERVER)
        self.assertEqual(found, {"target": "h:1", "listen": ":2"})

    def test_last(self) -> None:
        """
        The last of several counts.
        """
        self.assertEqual(parseArguments(["--mtu=1", "-mtu", "2"], CLIENT), {"mtu": 2})

    def test_false(self) -> None:
        """
        What is true or false takes a value only after C{=}.
        """
        self.assertEqual(parseArguments(["--nocomp=false"], CLIENT), {"nocomp": False})
        self.assertWrong("nothing to do with 'false'", CLIENT, "--nocomp", "false")
        self.assertWrong("--nocomp must be true or false, not 'maybe'", CLIENT, "--nocomp=maybe")

    def test_asked(self) -> None:
        """
        Help and version.
        """
        for name in ("--help", "-help", "-h"):
            self.assertEqual(parseArguments(["--mtu", "1", name], CLIENT), {"help": True})
        self.assertEqual(parseArguments(["-v"], SERVER), {"version": True})

    def test_wrong(self) -> None:
        """
        Errors name the flag and what is allowed.
        """
        self.assertWrong("--target is no flag of kcptun's client", CLIENT, "--target", "h:1")
        self.assertWrong("--warp is no flag of kcptun's server", SERVER, "--warp=9")
        self.assertWrong("nothing to do with 'h:1'", CLIENT, "h:1")
        self.assertWrong("nothing to do with '--'", CLIENT, "--")
        self.assertWrong("--mtu needs a value: a number, 50 to 1500", CLIENT, "--mtu")
        self.assertWrong("--mtu must be a number, 50 to 1500, not 'big'", CLIENT, "-mtu=big")
        self.assertWrong("--mtu must be a number, 50 to 1500, not 9000", CLIENT, "--mtu", "9000")
        self.assertWrong("--mode must be one of fast3, fast2", CLIENT, "--mode=warp")
        self.assertWrong("--smuxver must be a number, 1 to 2, not 3", SERVER, "--smuxver=3")
        self.assertWrong("--conn must be a number, 1 to 65535, not 0", CLIENT, "--conn=0")
        self.assertWrong("--keepalive must be a number, 1 to 30, not 31", CLIENT, "--keepalive=31")

    def test_cipher(self) -> None:
        """
        An unknown cipher is an error; the old release must know it too, if that is the peer.
        """
        self.assertWrong("--crypt must be one of aes, aes-128", CLIENT, "--crypt=aes-512")
        self.assertEqual(configured(SERVER, "--crypt=null").text("crypt"), "null")
        self.assertWrong(
            "which it takes for aes", SERVER, "--crypt=aes-128-gcm", "--compat=20210922"
        )

    def test_refused(self) -> None:
        """
        What cannot be done is refused, with the reason; what need not be done is ignored, with a
        word.
        """
        for end in (CLIENT, SERVER):
            self.assertWrong("TCP segments of its own making", end, "--tcp")
            self.assertWrong("--crypt encrypts all the same", end, "--QPP")
            self.assertWrong("raw socket", end, "-c", "f", file={"tcp": True})
            found = configured(end, "--pprof", "--tcp=false")
            self.assertEqual(found.warnings, ("--pprof is ignored: it is a profiler for programs"
                                              " in Go",))  # fmt: skip

    def test_together(self) -> None:
        """
        Flags that do not go together.
        """
        self.assertWrong("at most --smuxbuf, 1000, not 2097152", CLIENT, "--smuxbuf=1000")
        self.assertWrong("at most 256 together", CLIENT, "--ds=200", "--ps=100")
        self.assertWrong("--key must not be empty", CLIENT, "--key=")


class FileTests(ErrorCase):
    """
    The JSON file.
    """

    def test_overrides(self) -> None:
        """
        It overrides the command line, which stays in force for what the file does not have.
        """
        found = configured(
            CLIENT, "--mtu=1000", "--dscp=46", "-c", "f", file={"mtu": 1200, "MODE": "fast3"}
        )
        self.assertEqual(
            [found.values[name] for name in ("mtu", "dscp", "mode")], [1200, 46, "fast3"]
        )

    def test_examples(self) -> None:
        """
        The files that come with kcptun are taken.
        """
        common = {
            "key": "PASSWORD", "crypt": "aes-128", "mode": "fast3", "mtu": 1400, "datashard": 10,
            "parityshard": 3, "dscp": 46, "nocomp": True, "acknodelay": False, "nodelay": 1,
            "interval": 40, "resend": 2, "nc": 1, "sockbuf": 16777217, "smuxver": 1,
            "smuxbuf": 16777217, "streambuf": 2097152, "keepalive": 10, "quiet": False,
            "tcp": False,
        }  # fmt: skip
        local = {"localaddr": ":2000", "remoteaddr": "11.22.33.44:2000", "sndwnd": 128,
                 "rcvwnd": 1024, "autoexpire": 1800}  # fmt: skip
        server = {"listen": ":2000", "target": "127.0.0.1:9999", "sndwnd": 2048, "rcvwnd": 2048,
                  "pprof": False}  # fmt: skip
        for end, own in ((CLIENT, local), (SERVER, server)):
            file = {**own, **common}
            found = configured(end, "-c", "f", file=file)
            self.assertEqual({name: found.values[name] for name in file}, file)
            self.assertEqual(found.warnings, ())

    def test_unknown(self) -> None:
        """
        Keys that are no flags are ignored, as kcptun does, but not silently.
        """
        found = configured(CLIENT, "-c", "f.json", file={"sndwdn": 1, "mtu": 1000})
        self.assertEqual(found.warnings, ('"sndwdn" in f.json is no flag: it is ignored',))

    def test_wrong(self) -> None:
        """
        Errors name the key and what is allowed; none shows the passphrase.
        """
        self.assertWrong(
            '"mtu" in the file of -c must be a number, 50 to 1500, not "1400"',
            CLIENT, "-c", "f", file={"mtu": "1400"},
        )  # fmt: skip
        self.assertWrong("not true", CLIENT, "-c", "f", file={"mtu": True})
        self.assertWrong("one JSON object", CLIENT, "-c", "f", file=[1])
        self.assertWrong("--smuxver must be", CLIENT, "-c", "f", file={"smuxver": 7})
        problem = self.assertRaises(ConfigurationError, parseJSON, '{"key": 12345678}', CLIENT)
        self.assertNotIn("12345678", str(problem))
        problem = self.assertRaises(ConfigurationError, parseJSON, "{key: 1}", CLIENT)
        self.assertIn("not JSON", str(problem))

    def test_unreadable(self) -> None:
        """
        A file that cannot be read is an error.
        """
        problem = self.assertRaises(
            ConfigurationError, configure, ["-c", self.mktemp()], CLIENT, {}
        )
        self.assertIn("-c: the file cannot be read: ", str(problem))


class KeyTests(SynchronousTestCase):
    """
    Where the passphrase comes from.
    """

    def test_order(self) -> None:
        """
        The file, then the command line, then the environment, then kcptun's default.
        """
        environ = {"KCPTUN_KEY": "e"}
        self.assertEqual(configured(CLIENT).text("key"), "it's a secrect")
        self.assertEqual(configured(CLIENT, environ=environ).text("key"), "e")
        self.assertEqual(configured(CLIENT, "--key=a", environ=environ).text("key"), "a")
        found = configured(CLIENT, "--key=a", "-c", "f", environ=environ, file={"key": "j"})
        self.assertEqual(found.text("key"), "j")

    def test_hidden(self) -> None:
        """
        It is not in the configuration's representation.
        """
        self.assertNotIn("sesame", repr(configured(CLIENT, "--key", "sesame")))


class AddressTests(ErrorCase):
    """
    Hosts, ports, ranges and paths.
    """

    def test_parse(self) -> None:
        """
        All that can be written.
        """
        for text, expected in (
            ("h:1", ("h", 1, 1)), (":65535", ("", 65535, 65535)), ("[::1]:2", ("::1", 2, 2)),
            ("h:3000-3010", ("h", 3000, 3010)), ("10.0.0.1:0", ("10.0.0.1", 0, 0)),
        ):  # fmt: skip
            ports = parsePorts(text, "listen", isRange=True)
            self.assertEqual(ports, Ports(*expected))
            self.assertEqual(str(ports), text)
        for text in ("/run/socket", "socket", "::1:2", "h:", "h:http", ""):
            self.assertIs(parsePorts(text, "listen"), None)

    def test_ends(self) -> None:
        """
        What each end takes.
        """
        client = configured(CLIENT, "-r", "h:3000-3010", "-l", "/run/s")
        self.assertEqual((client.udp, client.stream, client.path), (("h", 3000, 3010), None,
                                                                    "/run/s"))  # fmt: skip
        server = configured(SERVER, "-l", ":1-2", "-t", "path/to/s")
        self.assertEqual((server.udp, server.stream, server.path), (("", 1, 2), None,
                                                                    "path/to/s"))  # fmt: skip
        self.assertEqual(configured(SERVER, "-t", ":80").stream, ("localhost", 80, 80))
        self.assertEqual(configured(CLIENT, "-r", ":80").udp, ("localhost", 80, 80))

    def test_wrong(self) -> None:
        """
        Errors name the flag.
        """
        self.assertWrong("--remoteaddr must be host:port", CLIENT, "-r", "vps")
        self.assertWrong("--listen must be host:port", SERVER, "-l", "29900")
        self.assertWrong("--target must have one port, not a range", SERVER, "-t", "h:1-2")
        self.assertWrong("--remoteaddr must have ports of 1 to 65535", CLIENT, "-r", "h:0")
        self.assertWrong("--listen must have ports of 0 to 65535", SERVER, "-l", ":9-8")
        self.assertWrong("--localaddr must be host:port or the path", CLIENT, "-l", "")


class TableTests(SynchronousTestCase):
    """
    The table itself.
    """

    def test_names(self) -> None:
        """
        No name stands for two flags of one end.
        """
        for end in (CLIENT, SERVER):
            names = [name for flag in flagsOf(end).values() for name in (flag.name, *flag.short)]
            self.assertEqual(len(names), len(set(names)))

    def test_kinds(self) -> None:
        """
        The defaults of both ends are of one kind.
        """
        for flag in FLAGS:
            if flag.client is not None and flag.server is not None:
                self.assertIs(type(flag.client), type(flag.server), flag.name)
