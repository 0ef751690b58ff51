"""
The congestion controls by name.  Users can add controls of their own.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.plugin import IPlugin, getPlugins
from zope.interface import Attribute, Interface, implementer

from kcptwisted.congestion.spec import ControlSpec


class ICongestionSpec(Interface):
    """
    A congestion control that an endpoint can name: a L{CongestionSpec}, as a Twisted plugin
    provides it.
    """

    name: str = Attribute("The value of C{congestion=}.")


@implementer(IPlugin, ICongestionSpec)
class CongestionSpec(ControlSpec):
    """
    A congestion control that an endpoint can name: see L{ControlSpec} for the parameters.  As a
    module-level name of a module of C{twisted.plugins} it is found by itself.
    """


#: Only the windows limit what is in flight.
NONE = "none"

#: Over a round trip of fewer milliseconds there is nothing to find out: the windows suffice, and a
#: clock of milliseconds is too coarse.
LEAST_ROUND_TRIP = 3

#: All congestion controls by name, beside L{NONE}.  L{registerCongestionControl} adds one.
CONTROLS = {
    spec.name: spec
    for spec in (
        CongestionSpec("bbr", "kcptwisted.congestion.bbr:BBR", leastRoundTrip=LEAST_ROUND_TRIP),
        CongestionSpec("kcp", "kcptwisted.congestion.kcp:KCPWindow", findsPath=False),
    )
}


def registerCongestionControl(spec: CongestionSpec) -> None:
    """
    Adds a congestion control of the user's own to those that endpoints of this process can name.

    @raise ValueError: if the name is taken or is not of small letters, digits and hyphens.
    """
    if not re.fullmatch("[a-z0-9-]+", spec.name):
        raise ValueError(f"name must be small letters, digits and hyphens, not {spec.name!r}")
    if spec.name in CONTROLS or spec.name == NONE:
        raise ValueError(
            f"name must be a new one: there is a congestion control {spec.name!r} already"
        )
    CONTROLS[spec.name] = spec


def findCongestionControl(name: str) -> CongestionSpec | None:
    """
    Finds a congestion control by name: among L{CONTROLS}, then among the Twisted plugins that
    provide L{ICongestionSpec}.

    @return: None for L{NONE}.
    @raise ValueError: if there is no such congestion control.  The message names those that there
        are.
    """
    if name == NONE:
        return None
    spec = CONTROLS.get(name)
    if spec is not None:
        return spec
    plugins: dict[str, Any] = {plugin.name: plugin for plugin in getPlugins(ICongestionSpec)}
    if name not in plugins:
        allowed = ", ".join([*CONTROLS, NONE, *plugins])
        raise ValueError(f"congestion must be one of {allowed}, not {name!r}")
    found: CongestionSpec = plugins[name]
    return found
