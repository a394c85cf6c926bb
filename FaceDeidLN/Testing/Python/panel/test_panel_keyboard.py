"""The panel by keyboard and screen reader."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import FaceDeidLNLib
from person import PanelTest

_FILE = Path(FaceDeidLNLib.__file__).parents[1] / "Resources" / "UI" / "FaceDeidLN.ui"
#: Widgets that show no text of their own that could name them.
_NAMELESS = ("qMRMLNodeComboBox", "QComboBox", "ctkSliderWidget", "QListWidget", "QTableWidget", "QLineEdit")


def _parts(widget):
    """The widgets inside a widget."""
    for part in widget.children():
        if part.isWidgetType():
            yield part
            yield from _parts(part)


class KeyboardTest(PanelTest):
    """Who does not see the labels, or has no mouse."""

    def test_a_screen_reader_has_a_name_for_whatever_shows_none(self):
        for widget in ElementTree.parse(_FILE).iter("widget"):
            if widget.get("class") in _NAMELESS:
                self.assertTrue(getattr(self.ui, widget.get("name")).accessibleName, widget.get("name"))

    def test_what_takes_the_keyboard_inside_a_selector_or_slider_has_its_name(self):
        for widget in (self.ui.inputSelector, self.ui.depthSlider, self.panel.face.sliders[next(iter(self.panel.face.sliders))]):
            self.assertEqual({part.accessibleName for part in _parts(widget)}, {widget.accessibleName})

    def test_the_tab_key_goes_from_the_levels_to_the_programs_of_the_same_section(self):
        following, last = self.ui.levelsList, self.panel.sections[0].buttons[-1]
        for _ in range(20):
            following = following.nextInFocusChain()
            if following.objectName == last.objectName:
                return
        self.fail(f"{last.objectName} is not near")
