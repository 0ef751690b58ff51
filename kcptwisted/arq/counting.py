from kcptwisted.arq.recovery import Recovery


class CountingRecovery(Recovery): ...
