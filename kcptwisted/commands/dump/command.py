"""
The command C{kcptwisted dump}.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO

from kcptwisted.commands.dump import document, lines
from kcptwisted.commands.dump.flows import Conversation, Flows, Record, Smux
from kcptwisted.commands.dump.links import ipPacket, isKnown
from kcptwisted.commands.dump.listening import listen
from kcptwisted.commands.dump.opening import CipherChoice, openerOf, openNone, openNull
from kcptwisted.commands.dump.packets import PacketReader
from kcptwisted.commands.dump.sources import Frame, SourceError, readFile
from kcptwisted.crypt.registry import findCipher
from kcptwisted.options.options import DEFAULT_CIPHER
from kcptwisted.options.passphrases import KEY_VARIABLE, KeySource

#: Exit statuses other than 0.  The last is the usual one after SIGINT.
NOTHING, WRONG_USAGE, INTERRUPTED = 1, 2, 130

#: Pairs of addresses with datagrams that did not open that are named, at most.
MOST_REFUSED = 10

#: kcptun's cipher, and where it looks for the passphrase.
KCPTUN_CIPHER = "aes"
KCPTUN_VARIABLE = "KCPTUN_KEY"

#: What messages call the options.
_OPTIONS = {"key": "--key", "keyFile": "--key-file", "rawKey": "--raw-key", "crypt": "--crypt"}
_MENTIONED = re.compile("keyFile|rawKey|^crypt(?= )|^key(?= (and|must))|(?<=give )key")


def chosenCipher(arguments: argparse.Namespace, environ: Mapping[str, str]) -> CipherChoice | None:
    """
    Returns how to open datagrams; None to guess.

    @raise ValueError: if there is no such cipher, or the key is wrong or missing.
    """
    source = KeySource(arguments.key, arguments.key_file, arguments.raw_key)
    name = arguments.crypt
    if arguments.kcptun:
        name = name or KCPTUN_CIPHER
        passphrase = environ.get(KCPTUN_VARIABLE)
        environ = {} if passphrase is None else {KEY_VARIABLE: passphrase}
    if name is None:
        if not source.given():
            return None
        name = DEFAULT_CIPHER
    spec = findCipher(name)
    key = source.keyFor(spec, environ)
    if name == "null":
        return CipherChoice(name, openNull)
    if name == "none":
        return CipherChoice(name, openNone)
    cipher = spec.make(key)
    assert cipher is not None
    return CipherChoice(name, openerOf(cipher))


class Dump:
    """
    One run of the command.
    """

    def __init__(
        self, arguments: argparse.Namespace, cipher: CipherChoice | None, output: TextIO
    ) -> None:
        """
        @param output: where to print.
        """
        self._arguments = arguments
        self._output = output
        self._packets = PacketReader()
        self._began: int | None = None
        smux = arguments.smux
        version = int(smux) if smux.isdigit() else None
        self.flows = Flows(cipher, Smux(smux == "no", version))
        self._frames = 0
        self._unknown: set[int] = set()

    def take(self, frame: Frame) -> None:
        """
        Prints what a frame holds.
        """
        self._frames += 1
        if not isKnown(frame.linkType):
            self._unknown.add(frame.linkType)
            return
        carried = ipPacket(frame.linkType, frame.data)
        packet = None if carried is None else self._packets.read(frame.time, carried)
        if packet is None:
            return
        port = self._arguments.port
        if port is not None and port not in (packet.source[1], packet.destination[1]):
            return
        if self._began is None:
            self._began = packet.time
        records, forgotten = self.flows.take(packet)
        if not self._arguments.summary:
            for record in records:
                if record.content is not None or self._arguments.all:
                    self._printRecord(record, self._began)
        for conversation in forgotten:
            self._printConversation(conversation)

    def _printRecord(self, record: Record, began: int) -> None:
        if self._arguments.json:
            self._printObject(document.datagram(record))
        else:
            print(lines.recordLine(record, began), file=self._output)

    def _printConversation(self, conversation: Conversation) -> None:
        if self._arguments.json:
            self._printObject(document.conversation(conversation))
        else:
            print("\n".join(lines.summaryLines(conversation)), file=self._output)

    def _printObject(self, value: Mapping[str, Any]) -> None:
        print(json.dumps(value, separators=(",", ":")), file=self._output)

    def finish(self) -> None:
        """
        Prints the summaries.
        """
        flows = self.flows.flows()
        for flow in flows:
            for conversation in flow.conversations.values():
                self._printConversation(conversation)
        refused = [flow for flow in flows if flow.refused]
        if self._arguments.json:
            for flow in refused:
                self._printObject(document.unopened(flow))
            return
        for flow in sorted(refused, key=lambda flow: -flow.refused)[:MOST_REFUSED]:
            print(lines.flowLine(flow), file=self._output)
        if len(refused) > MOST_REFUSED:
            rest = len(refused) - MOST_REFUSED
            print(f"the same of more pairs of addresses: {rest}", file=self._output)

    def complaints(self) -> Iterator[str]:
        """
        Returns what the user must know of the capture as a whole.
        """
        if self._unknown:
            numbers = ", ".join(map(str, sorted(self._unknown)))
            yield f"frames of unknown link types were left out: {numbers}"
        if self._packets.incomplete:
            yield f"datagrams left out because fragments are missing: {self._packets.incomplete}"
        if not self.flows.datagrams:
            yield "there are no UDP datagrams" if self._frames else "there are no frames"
        elif not self.flows.opened:
            yield "there is no KCP, or none that opens"


def run(arguments: argparse.Namespace, output: TextIO, errors: TextIO) -> int:
    """
    Prints what a capture shows.

    @param arguments: the command line.
    @param output: where to print.
    @param errors: where to print errors.
    @return: the exit status: 0; 1 if there is no KCP, or the capture cannot be read to its end; 2
        if the command line is wrong; 130 if the user interrupted the reading of a file.
    """
    try:
        cipher = chosenCipher(arguments, os.environ)
    except ValueError as problem:
        variable = KCPTUN_VARIABLE if arguments.kcptun else KEY_VARIABLE
        print(f"kcptwisted dump: {_named(str(problem), variable)}", file=errors)
        return WRONG_USAGE
    live = arguments.interface is not None
    frames = listen(arguments.interface) if live else readFile(arguments.file)
    dump = Dump(arguments, cipher, output)
    try:
        status = _readAll(dump, frames, live, output, errors)
        dump.finish()
        output.flush()
    except BrokenPipeError:
        # Whoever read, such as head, has enough.  Nothing is left to be written at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())
        return 0
    for complaint in dump.complaints():
        print(f"kcptwisted dump: {complaint}", file=errors)
    return status or (0 if dump.flows.opened else NOTHING)


def _readAll(
    dump: Dump, frames: Iterable[Frame], live: bool, output: TextIO, errors: TextIO
) -> int:
    """
    Returns the exit status, but for what was in the capture.
    """
    if live:
        # Whoever ends it, the summary is printed.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for frame in frames:
            dump.take(frame)
            if live:
                output.flush()
    except SourceError as problem:
        print(f"kcptwisted dump: {problem}", file=errors)
        return NOTHING
    except KeyboardInterrupt:
        return 0 if live else INTERRUPTED
    return 0


def _named(problem: str, variable: str) -> str:
    """
    Returns a message of the endpoint options with the names that they have here.

    @param variable: of the environment.
    """
    named = _MENTIONED.sub(lambda match: _OPTIONS[match[0]], problem)
    return named.replace(KEY_VARIABLE, variable)
