"""
What C{twistd} runs.
"""
