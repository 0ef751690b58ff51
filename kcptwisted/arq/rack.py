from kcptwisted.arq.counting import CountingRecovery


class RackRecovery(CountingRecovery):
    pass
