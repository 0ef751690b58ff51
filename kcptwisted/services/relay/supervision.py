"""
Telling systemd about a relay.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from kcptwisted.services.systemd import Notifier, SystemdService


class SystemdSupervisor:
    """
    Passes what happens to a relay on to systemd; see
    L{kcptwisted.services.relay.interfaces.Supervisor}.

    @ivar service: runs beside the relay.
    """

    def __init__(self, reactor: Any, notifier: Notifier) -> None:
        """
        @param reactor: as for L{SystemdService}.
        @param notifier: sends the messages.
        """
        self._listening: Deferred[None] = Deferred()
        self.service = SystemdService(reactor, lambda: self._listening, notifier)

    def ready(self) -> None:
        """
        All routes listen, or a reload is over.
        """
        if self._listening.called:
            self.service.reloaded()
        else:
            self._listening.callback(None)

    def reloading(self) -> None:
        """
        The configuration is read again.
        """
        self.service.reloading()

    def stopping(self) -> None:
        """
        Does nothing: L{service} is stopped as well.
        """
