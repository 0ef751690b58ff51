"""
Tests for L{kcptwisted.testing.nat}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.testing.nat import Translations
from tests.properties import given, strategies

INSIDE = [("10.0.0.1", port) for port in range(3)]
OUTSIDE = [("198.51.100.1", port) for port in range(3)]


class TranslationsTests(SynchronousTestCase):
    """
    Tests for L{Translations}.
    """

    def test_none(self) -> None:
        """
        Without a translation an address is itself.
        """
        translations = Translations()
        self.assertEqual(translations.outside(INSIDE[0]), INSIDE[0])
        self.assertEqual(translations.inside(INSIDE[0]), INSIDE[0])

    def test_taken(self) -> None:
        """
        An address outside stands for one inside; the error names both.
        """
        translations = Translations()
        translations.add(INSIDE[0], OUTSIDE[0])
        error = self.assertRaises(ValueError, translations.add, INSIDE[1], OUTSIDE[0])
        self.assertIn(str(OUTSIDE[0]), str(error))
        self.assertIn(str(INSIDE[0]), str(error))

    @given(
        strategies.lists(
            strategies.tuples(
                strategies.sampled_from(INSIDE), strategies.sampled_from(OUTSIDE + INSIDE)
            ),
            max_size=20,
        )
    )
    def test_always(self, additions: list[tuple[tuple[str, int], tuple[str, int]]]) -> None:
        """
        Whatever is translated, each address inside is seen as the last that it was given, is
        reached through that one, and through no other.
        """
        translations = Translations()
        shown = {inside: inside for inside in INSIDE}
        for inside, outside in additions:
            taken = any(shown[other] == outside for other in INSIDE if other != inside)
            if taken and outside not in INSIDE:
                self.assertRaises(ValueError, translations.add, inside, outside)
            elif not taken:
                translations.add(inside, outside)
                shown[inside] = outside
        reached = {outside: inside for inside, outside in shown.items()}
        for inside in INSIDE:
            self.assertEqual(translations.outside(inside), shown[inside])
        for outside in OUTSIDE + INSIDE:
            found = translations.inside(outside)
            self.assertEqual(found if found in INSIDE else None, reached.get(outside))
