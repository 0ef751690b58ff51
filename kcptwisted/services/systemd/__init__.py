"""
Telling systemd how a service is (sd_notify(3)); docs/systemd.md.
"""

from kcptwisted.services.systemd.notifier import Notifier
from kcptwisted.services.systemd.service import SystemdService, notifySystemd

__all__ = ["Notifier", "SystemdService", "notifySystemd"]
