"""Tables as their readers use them: sorted, filtered, scrolled, and without any script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import screen, start
from tests.browser.reader import models, texts, visit, wait, write


def test_a_column_sorts_both_ways_and_keeps_empty_cells_last(browser: Any, site: Path) -> None:
    visit(browser, site, "index.html")
    assert models(browser) == ["right", "Alpha", "Always yes", "harmful"]  # 100, 81.9, 48 and 40
    browser.find_element("xpath", "//button[.='Even']").click()
    assert models(browser)[0] == "right"
    assert models(browser)[-1] == "Alpha"
    browser.find_element("xpath", "//button[.='Even']").click()
    assert models(browser)[0] == "Always yes"
    assert models(browser)[-1] == "Alpha"
    browser.find_element("xpath", "//button[.='Model']").click()
    assert models(browser) == ["Alpha", "Always yes", "harmful", "right"]
    assert browser.find_element("css selector", "th[aria-sort]").text.startswith("Model")


def test_rows_and_columns_are_filtered(browser: Any, site: Path) -> None:
    visit(browser, site, "index.html")
    write(browser, "models", "YES")
    assert models(browser) == ["Always yes"]
    write(browser, "models", "")
    browser.find_element("id", "published").click()
    assert models(browser) == ["right", "Always yes", "harmful"]
    write(browser, "benchmarks", "halves")
    assert texts(browser, ".board th .sort") == ["Model", "Even", "Odd"]
    assert texts(browser, ".bands th") == ["Halves"]


def test_the_head_stays_in_sight_and_the_models_at_their_side(browser: Any, site: Path) -> None:
    screen(browser, 390, 300)
    visit(browser, site, "index.html")
    browser.execute_script("document.querySelector('.scroll').scrollTo(150, 90)")
    frame, head, model = browser.execute_script(
        "return ['.scroll', 'thead', 'tbody th'].map((s) => document.querySelector(s).getBoundingClientRect().toJSON())"
    )
    assert (head["top"], model["left"]) == (frame["top"] + 1, frame["left"] + 1)  # a border of one pixel


def test_numbers_lead_to_their_run_and_columns_to_their_samples(browser: Any, site: Path) -> None:
    visit(browser, site, "index.html")
    browser.find_element("css selector", "td.lead a").click()
    assert "Digests" in browser.find_element("tag name", "main").text
    browser.find_element("link text", "Samples and replies").click()
    wait(browser, "document.querySelectorAll('#items li').length === 25")
    visit(browser, site, "index.html")
    browser.find_element("css selector", "a[aria-label='Samples of Odd']").click()
    wait(browser, "document.querySelectorAll('#items li').length === 12")
    assert "half=<b>odd" in texts(browser, "#sample, select")[0] or "12 of 25" in texts(browser, "#count")[0]


@pytest.fixture(scope="module")
def scriptless() -> Iterator[Any]:
    browser = start(script=False)
    yield browser
    browser.quit()


def test_without_script_the_table_is_there_and_no_dead_controls(scriptless: Any, site: Path) -> None:
    scriptless.get(f"{site.as_uri()}/index.html")
    cells = [cell.text for cell in scriptless.find_elements("css selector", "tbody tr:first-child > *")]
    assert cells[0] == "right"
    assert "100.0" in cells[1]
    assert scriptless.find_elements("css selector", "button") == []
    assert not scriptless.find_element("id", "filters").is_displayed()
    scriptless.get(f"{site.as_uri()}/samples/yesno.html")
    assert "evalkit show run" in scriptless.find_element("tag name", "main").text
