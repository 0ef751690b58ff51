"""
What README.md says about the code.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.options import optionTable

README = Path(__file__).parent.parent / "README.md"


class ReadmeTests(SynchronousTestCase):
    """
    Tests for README.md.
    """

    def test_options(self) -> None:
        """
        Its table of options is that of the code.
        """
        text = README.read_text("utf-8")
        _, _, rest = text.partition("<!-- options -->\n")
        table, mark, _ = rest.partition("<!-- /options -->\n")
        self.assertTrue(mark, "README.md has no table between the two comments")
        self.assertEqual(table.strip(), optionTable().strip())
