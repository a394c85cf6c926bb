"""The panel: long words make it higher, and not wider."""

from __future__ import annotations

from person import PanelTest

#: What is said in these may be as long as a verdict's reasons.
_LONG = ("verdictLabel", "statusLabel", "privacyLabel", "protectHintLabel")
_WORDS = "PASS, NOT RELEASED: the person may still be recognised. " * 12


class WidthTest(PanelTest):
    """The user decides how wide the panel is."""

    def test_a_long_text_is_wrapped_and_asks_for_no_width(self):
        for name in _LONG:
            with self.subTest(name):
                label = getattr(self.ui, name)
                parent = label.parentWidget()
                before, low = parent.sizeHint.width(), label.heightForWidth(300)
                label.text = _WORDS
                parent.layout().activate()
                self.assertEqual(parent.sizeHint.width(), before)
                self.assertGreater(label.heightForWidth(300), low)
                label.text = ""
