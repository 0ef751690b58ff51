"""
Looking into a service: metrics and the status page.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.internet.error import CannotListenError
from twisted.logger import Logger

from kcptwisted.services.exiting import CannotStart, wrongString
from kcptwisted.workers.role import workerNumber


class Observer(MultiService):
    """
    Services beside that which a program is for.  The program does not start without them.
    """

    _log = Logger()

    def privilegedStartService(self) -> None:
        """
        Listens.

        @raise CannotStart: if that fails.
        """
        try:
            super().privilegedStartService()  # type: ignore[no-untyped-call]
        except (CannotListenError, OSError) as problem:
            self._log.critical("Cannot listen: {why}", why=str(problem))
            raise CannotStart(str(problem)) from None


def observers(
    reactor: Any,
    metrics: str = "",
    status: str = "",
    names: Collection[str] = (),
    token: str = "",
) -> list[IService]:
    """
    Returns the services that tell what a program does; none in a worker, of which its master
    tells.

    @param reactor: whose ports are told of.
    @param metrics: a server endpoint for Prometheus; none if it is empty.
    @param status: a server endpoint for the status page; none if it is empty.
    @param names: see L{kcptwisted.status.site.statusRoot}.
    @param token: see L{kcptwisted.status.site.statusRoot}.
    @raise ValueError: if one is wrong.  The message begins with its name.
    """
    observer = Observer()  # type: ignore[no-untyped-call]
    if metrics:
        try:
            from kcptwisted.metrics.serving import metricsService
        except ImportError:
            raise ValueError(
                "metrics needs prometheus_client: pip install 'kcptwisted[metrics]'"
            ) from None
        try:
            metricsService(reactor, metrics).setServiceParent(observer)
        except Exception as problem:
            raise ValueError(f"metrics must be a server endpoint: {wrongString(problem)}") from None
    if status:
        from kcptwisted.status.site import statusService

        try:
            statusService(reactor, status, names, token).setServiceParent(observer)
        except Exception as problem:
            raise ValueError(f"status must be a server endpoint: {wrongString(problem)}") from None
    elif names or token:
        raise ValueError("status is needed with the options of its page")
    return [] if workerNumber(reactor) is not None or not list(observer) else [observer]


def together(*services: IService) -> IService:
    """
    Returns services as one.
    """
    if len(services) == 1:
        return services[0]
    both = MultiService()
    for service in services:
        service.setServiceParent(both)
    result: IService = both
    return result
