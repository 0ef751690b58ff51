from kcptwisted.arq.recovery import Recovery


class RackRecovery(Recovery): ...
