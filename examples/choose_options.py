"""
Compares endpoint options on a bad link.  It sends 50 small messages a second to an echo server and
measures how late they come back, over a lossy relay that loses a tenth of the datagrams and takes
25 ms each way.

Run it with a number of seconds and some options, as in endpoint strings::

    python examples/choose_options.py 10 mode=fast mode=fast3 mode=fast3:dataShards=3:parityShards=1

It prints a line for each.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import react

from kcptwisted.commands.bench.loads import EchoServer
from kcptwisted.commands.bench.roles import Job, Player
from kcptwisted.testing.link import Link
from kcptwisted.testing.lossyrelay import LossyRelay

LINK = Link(loss=0.1, delay=0.025)


async def measure(reactor: Any, seconds: float, options: str) -> dict[str, Any]:
    """
    Measures one set of options.

    @param seconds: for how long to send.
    @param options: the options of both ends.
    @return: the results, with the percentiles of the latencies.
    """
    server = serverFromString(reactor, f"kcp:0:interface=127.0.0.1:crypt=null:{options}")
    port: Any = await server.listen(Factory.forProtocol(EchoServer))
    relay = LossyRelay(reactor, ("127.0.0.1", port.getHost().port), LINK, seed=1)
    relayPort = relay.start()
    client = clientFromString(reactor, f"kcp:127.0.0.1:{relayPort}:crypt=null:{options}")
    # As in a game, each message is due at its time, whether or not answers have arrived.
    player = Player(reactor, client, Job("paced", size=64, rate=50, seconds=seconds))
    try:
        return await player.play()
    finally:
        for one in player.clients:
            one.transport.abortConnection()
        await port.stopListening(sessions="abort")
        await relay.stop()


async def main(reactor: Any, seconds: str = "", *options: str) -> None:
    """
    Measures each set of options, one after the other.
    """
    if not options:
        raise SystemExit(__doc__)
    print(f"{'p50 ms':>8}{'p99 ms':>8}{'longest':>9}  options")
    for one in options:
        try:
            found = await measure(reactor, float(seconds), one)
        except ValueError as problem:
            raise SystemExit(str(problem)) from None
        times = [found[name] / 1000 for name in ("p50_us", "p99_us", "max_us")]
        print("{:8.1f}{:8.1f}{:9.1f}".format(*times), one, sep="  ", flush=True)


if __name__ == "__main__":
    react(main, sys.argv[1:])
