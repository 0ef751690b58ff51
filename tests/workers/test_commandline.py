"""
Tests for L{kcptwisted.workers.commandline}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.workers.commandline import commandAgain

TWISTD = ["--nodaemon", "--pidfile=", "--logfile=-", "--no_save"]
TWIST = ["--log-file=-", "--log-format=text"]


class CommandTests(SynchronousTestCase):
    """
    How a program is run again.
    """

    def again(self, line: str) -> list[str]:
        """
        @param line: of words, the interpreter first.
        @return: the worker's command line.
        """
        return commandAgain(line.split())

    def refused(self, line: str, *mentioned: str) -> None:
        """
        Check that there is no way.
        """
        text = str(self.assertRaises(ValueError, self.again, line))
        for part in ("workers", *mentioned):
            self.assertIn(part, text)

    def test_plain(self) -> None:
        """
        Any program is run with what it was run with, whatever its arguments look like.
        """
        for line in (
            "server.py kcp:4000:workers=2 -n --logfile=x",
            "-m package.server -n --nodaemon",
            "-mpackage.server -m twisted",
            "-c code -m twisted",
            "-W error -Xdev -X importtime -u server.py twistd",
            "-Bm package.server",
            "-ic code",
            "-Wdefault -bb --check-hash-based-pycs always /srv/mytwistd --chroot=x",
        ):
            self.assertEqual(self.again(f"python {line}"), line.split())

    def test_twistd(self) -> None:
        """
        Under twistd a worker stays in the foreground, logs to its master, leaves the pidfile alone
        and saves nothing.
        """
        for given, kept in (
            ("web --path .", " web --path ."),
            ("-n web -n", " web -n"),
            ("--nodaemon --pidfile=a --logfile b -l c web", " web"),
            (
                "--pidf a --syslog --prefix=p --logger=x.y -p prof --profiler=z --savestats web",
                " web",
            ),
            ("-noy app.py", "-y app.py"),
            (
                "--rundir=/srv -u 1000 --gid 5 --umask=77 web",
                "--rundir=/srv -u 1000 --gid=5 --umask=77 web",
            ),
            ("--reactor=epoll --python=app.py", "--reactor=epoll --python=app.py"),
            ("--no_save --originalname -d /srv -y app.py", "--originalname -d /srv -y app.py"),
            ("-n -- web", " web"),
            ("-e --debug -n web", "-e --debug web"),
        ):
            before, command, after = kept.partition(" web")
            expected = [*before.split(), *TWISTD, *command.split(), *after.split()]
            for program in (
                "--check-hash-based-pycs never twistd",
                "/usr/bin/twistd",
                "twistd.py",
                "/usr/bin/twistd3",
                "-E bin/twistd3.11",
            ):
                again = self.again(f"python {program} {given}")
                self.assertEqual(again, [*program.split(), *expected])
                self.assertEqual(commandAgain(["python", *again]), again)

    def test_twist(self) -> None:
        """
        Under twist, which has fewer options, it logs to its master.
        """
        for program in (
            "-m twisted",
            "-mtwisted",
            "-Bm twisted",
            "-Wd -umtwisted",
            "/usr/bin/twist",
        ):
            for given in ("", "--log-file=a ", "--log-file b --log-format=json "):
                again = self.again(f"python {program} {given}--reactor epoll web --path .")
                expected = [*program.split(), "--reactor=epoll", *TWIST, "web", "--path", "."]
                self.assertEqual(again, expected)
                self.assertEqual(commandAgain(["python", *again]), again)

    def test_dashes(self) -> None:
        """
        What only looks like an option stays none.
        """
        self.assertEqual(self.again("python twistd -- -n"), ["twistd", *TWISTD, "--", "-n"])

    def test_standardInput(self) -> None:
        """
        A program that came by standard input cannot be run again.
        """
        for line in ("python", "python -", "python -i", "python -u - web", "python -W error"):
            self.refused(line, "standard input")

    def test_chroot(self) -> None:
        """
        Nor can one in another root, where there is no interpreter.
        """
        self.refused("python twistd -n --chroot=/srv web", "--chroot")
        self.refused("python twistd -n --chr /srv web", "--chroot")

    def test_unknown(self) -> None:
        """
        Nor can one that is called like Twisted's but has other options.
        """
        self.refused("python twistd --colour web", "--colour")
