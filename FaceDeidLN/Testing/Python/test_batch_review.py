"""The review page of a batch in a real browser: a person goes through the cases, and the batch does what was decided."""

from __future__ import annotations

import csv
import shutil
import sys
import time

import numpy as np
import pytest
from batches import batch, fill, rows_of
from FaceDeidLNLib.commands.batches.review_page import review_html
from FaceDeidLNLib.output.decisions import read_decisions
from FaceDeidLNLib.output.letters import write_png
from FaceDeidLNLib.output.worklist import read_worklist

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a POSIX script")
CASES = [f"review-{number}" for number in range(10)]
FLAGS = """--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --disable-dev-shm-usage --window-size=1400,1200"""


@pytest.fixture
def reviewed(stand_in, tmp_path):
    """Ten cases that wait, with pictures, and their page; gives what runs the batch again."""
    fill(stand_in, *CASES)
    words = (stand_in, tmp_path / "out", "--qa", str(tmp_path / "qa"))
    batch(*words)
    for name in CASES:
        (tmp_path / "qa" / name).mkdir(parents=True)
        for picture in ("before.png", "after.png", "review.png"):
            write_png(np.full((30, 90, 3), 120, np.uint8), tmp_path / "qa" / name / picture)
    batch(*words)
    return lambda: batch(*words)


@pytest.fixture
def browser(tmp_path):
    """A headless Chromium that saves files in the test's folder."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium, driver = shutil.which("chromium") or shutil.which("chromium-browser"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("no Chromium with its chromedriver on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path / 'profile'}")
    options.add_experimental_option("prefs", {"download.default_directory": str(tmp_path / "saved")})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    one = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield one
    one.quit()


def saved(folder):
    deadline = time.monotonic() + 300
    while not (found := list(folder.glob("*.csv"))):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found[0]


def test_ten_decisions_by_keyboard_and_mouse_are_carried_out(reviewed, browser, tmp_path):
    from selenium.webdriver.common.by import By

    browser.get((tmp_path / "qa" / "review.html").as_uri())
    assert len(browser.find_elements(By.TAG_NAME, "article")) == len(CASES)
    browser.find_element(By.ID, "reviewer").send_keys("Doe")
    browser.find_element(By.ID, "remark").send_keys("=no face left, all sides\n")
    body = browser.find_element(By.TAG_NAME, "body")
    body.send_keys("aaaa")  # each goes on to the next
    body.send_keys("r")
    browser.find_elements(By.TAG_NAME, "article")[4].find_element(By.TAG_NAME, "input").send_keys('the "nose", left\n')
    for number in (5, 6, 7):
        browser.find_elements(By.TAG_NAME, "article")[number].find_element(By.CSS_SELECTOR, '[data-decision="mend"]').click()
    body.send_keys("uj")  # the last one is undone
    body.send_keys("r")
    assert browser.find_element(By.ID, "count").text == "8 of 10 decided"
    browser.refresh()  # kept by the browser
    assert browser.find_element(By.ID, "count").text == "8 of 10 decided"
    loaded = "return [...document.images].filter(one => one.complete && one.naturalWidth > 0).length"
    assert browser.execute_script(loaded) > 0, browser.get_log("browser")
    browser.find_element(By.ID, "save").click()
    decisions = read_decisions([saved(tmp_path / "saved")])
    assert [decisions[name].decision for name in CASES if name in decisions] == ["accept"] * 4 + ["reject", "mend", "mend", "reject"]
    assert decisions["review-0"].remark == "=no face left, all sides"
    shutil.copy(saved(tmp_path / "saved"), tmp_path / "out-decisions.csv")
    assert reviewed() == 3
    verdicts = [rows_of(tmp_path / "out")[name]["verdict"] for name in CASES]
    assert verdicts == ["SIGNED OFF"] * 4 + ["REJECTED", "REVIEW", "REVIEW", "REVIEW", "REJECTED", "REVIEW"]
    assert 'the "nose", left' in rows_of(tmp_path / "out")["review-4"]["reasons"]
    assert [item.case for item in read_worklist(tmp_path / "out-worklist.csv")] == ["review-5", "review-6", "review-7", "review-9"]


def test_nothing_is_accepted_without_a_name_and_a_remark(reviewed, browser, tmp_path):
    from selenium.webdriver.common.by import By

    browser.get((tmp_path / "qa" / "review.html").as_uri())
    browser.find_element(By.TAG_NAME, "body").send_keys("as")
    assert "needs your name and a remark" in browser.find_element(By.ID, "told").text
    assert not list((tmp_path / "saved").glob("*")) if (tmp_path / "saved").exists() else True


def test_what_is_decided_can_be_hidden_and_all_views_of_a_case_seen(reviewed, browser, tmp_path):
    from selenium.webdriver.common.by import By

    browser.get((tmp_path / "qa" / "review.html").as_uri())
    body, cards = browser.find_element(By.TAG_NAME, "body"), browser.find_elements(By.TAG_NAME, "article")
    body.send_keys("rmo")  # the third case is next
    assert [card.is_displayed() for card in cards] == [False, False] + [True] * 8
    body.send_keys("v")
    assert browser.find_element(By.CSS_SELECTOR, "dialog img").get_attribute("src").endswith("review-2/review.png")
    body.send_keys("v")
    assert not browser.find_element(By.TAG_NAME, "dialog").is_displayed()
    body.send_keys("k")  # there is none before it that is undecided
    body.send_keys("r")
    assert browser.find_element(By.ID, "count").text == "3 of 10 decided"
    body.send_keys("o")
    assert all(card.is_displayed() for card in cards)


def test_the_report_is_searched_by_words_and_verdicts(reviewed, browser, tmp_path):
    from selenium.webdriver.common.by import By

    fill(tmp_path / "in", "pass")
    reviewed()
    browser.get((tmp_path / "out" / "report.html").as_uri())

    def shown():
        return [row.text for row in browser.find_elements(By.CSS_SELECTOR, "tbody td:first-child") if row.is_displayed()]

    assert len(shown()) == len(CASES) + 1
    browser.find_element(By.CSS_SELECTOR, '[data-verdict="PASS"]').click()
    assert shown() == ["pass"]
    browser.find_element(By.CSS_SELECTOR, '[data-verdict="PASS"]').click()
    browser.find_element(By.TAG_NAME, "body").send_keys("/")
    browser.switch_to.active_element.send_keys("REVIEW-3 look")
    assert shown() == ["review-3"]
    assert browser.find_element(By.ID, "shown").text == "1 of 11 cases"
    browser.find_element(By.CSS_SELECTOR, ".reasons button").click()
    assert shown() == CASES


def test_the_report_is_sorted_by_a_click(reviewed, browser, tmp_path):
    from selenium.webdriver.common.by import By

    browser.get((tmp_path / "out" / "report.html").as_uri())

    def column(number):
        return [row.text for row in browser.find_elements(By.CSS_SELECTOR, f"tbody td:nth-child({number})")]

    assert column(1) == CASES
    button = browser.find_elements(By.CSS_SELECTOR, "th button")[0]
    button.click()
    button.click()
    assert column(1) == CASES[::-1]
    assert browser.find_elements(By.TAG_NAME, "svg")
    assert not browser.find_elements(By.TAG_NAME, "img")


@pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", "<img src=x onerror=y>", "\u2028", "<!--"])
def test_what_a_name_or_reason_holds_is_data(text):
    page, plain = (
        review_html([{"case": name, "verdict": "REVIEW", "reasons": name, "result": "r", "pictures": []}], "d.csv")
        for name in (text, "plain")
    )
    assert page.count("<") == plain.count("<")


def test_the_page_and_its_pictures_are_their_owners_alone_and_what_is_done_is_not_on_it(reviewed, tmp_path):
    page = tmp_path / "qa" / "review.html"
    assert page.stat().st_mode & 0o077 == 0
    (tmp_path / "out-decisions.csv").write_text("case,decision,remark\nreview-3,reject,x\n")
    reviewed()
    assert '"review-3"' not in page.read_text()
    assert '"review-4"' in page.read_text()


def test_a_saved_file_is_a_table_that_no_spreadsheet_computes(tmp_path):
    (tmp_path / "d.csv").write_text("case,decision,remark,reviewer,result\nreview,accept,'=1+1,Doe,r1\n")
    assert read_decisions([tmp_path / "d.csv"])["review"].remark == "=1+1"
    assert next(csv.reader((tmp_path / "d.csv").open()))[:3] == ["case", "decision", "remark"]
