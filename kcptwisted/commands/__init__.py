"""
What C{python -m kcptwisted} runs.
"""
