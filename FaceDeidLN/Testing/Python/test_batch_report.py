"""The report of a batch: one page that needs nothing else and shows what the table says."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from batches import batch, fill, rows_of
from FaceDeidLNLib.commands.batches.report import report_html
from FaceDeidLNLib.commands.batches.row import Row


class Page(HTMLParser):
    """Tags, attributes and cells of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.cells, self.in_cell = [], [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]
        if tag == "td":
            self.cells.append("")
        self.in_cell = tag == "td" or (self.in_cell and tag == "a")

    def handle_data(self, data):
        if self.in_cell:
            self.cells[-1] += data

    def handle_endtag(self, tag):
        self.in_cell = False


def row(case="a", verdict="PASS", reasons="", seconds="2.5", exit_code=0):
    return Row(case, f"{case}.nrrd", verdict, "tested", reasons, seconds, "2.1", "250", 1, exit_code)


def test_every_case_has_a_line_with_its_verdict_reasons_and_costs_to_one_digit():
    page = Page(report_html([row(), row("b", "REVIEW", "look at this", "3.0", 3)]))
    assert page.cells == [
        *("a", "PASS", "tested", "2", "2", "200", "1", ""),
        *("b", "REVIEW", "tested", "3", "2", "200", "1", "look at this"),
    ]


def test_it_needs_nothing_else_and_shows_no_picture():
    page = Page(report_html([row()]))
    assert page.links == ["a.certificate.json"]
    assert not {"img", "link", "iframe", "object", "picture", "canvas"} & set(page.tags)
    assert page.tags.count("script") == 1


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x onerror=y>', "</td></table>", "<!--"])
def test_what_a_name_or_a_reason_holds_is_text(text):
    page, plain = (Page(report_html([row(case, reasons=case)])) for case in (text, "plain"))
    assert page.tags == plain.tags
    assert page.cells[0] == page.cells[-1] == text


def test_a_figure_of_faces_is_shown_of_many_cases_only():
    def page(count):
        return report_html([replace(row(str(number)), figures='{"moved_mm": 5.1}') for number in range(count)])

    assert "skin moved" in page(10)
    assert "skin moved" not in page(9)


def test_only_what_was_released_has_a_link_to_its_certificate():
    page = Page(report_html([row("a b"), row("c", "REVIEW", exit_code=3)], "/data/out"))
    assert page.links == ["/data/out/a%20b.certificate.json"]


def test_a_batch_without_cases_has_a_page():
    assert "Batch of 0 cases" in report_html([])


def test_the_batch_writes_it(stand_in, tmp_path):
    fill(stand_in, "pass", "review")
    assert batch(stand_in, tmp_path / "out", "--report", str(tmp_path / "report.html")) == 3
    cells = Page((tmp_path / "report.html").read_text()).cells
    assert set(rows_of(tmp_path / "out")) <= set(cells)
    assert str(stand_in) not in (tmp_path / "report.html").read_text()
