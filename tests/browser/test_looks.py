"""Pages for every reader: on a phone, in the dark, on paper, by keyboard, in Chinese."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.reporting.site import translations
from tests import boards
from tests.browser.conftest import screen
from tests.browser.reader import heading, press, samples, texts, visit, wait

PAGES = ("index.html", "samples/yesno.html#sample=q1", "runs/right--yesno.html")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_text_has_contrast_in_both_schemes(browser: Any, site: Path, page: str, dark: bool) -> None:
    screen(browser, 1280, 850, dark=dark)
    visit(browser, site, page)
    wait(browser, "document.querySelector('#sample, table')")
    assert browser.execute_script(CONTRAST, dark) == []


CONTRAST = """
const numbers = (color) => color.match(/[0-9.]+/g).map(Number);
const linear = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
const light = (color) => {
  const [r, g, b] = numbers(color).map(linear);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (e) => {
  for (; e; e = e.parentElement) {
    const color = getComputedStyle(e).backgroundColor;
    if (numbers(color)[3] !== 0) return color;
  }
  return 'rgb(255, 255, 255)';
};
const bad = (light(behind(document.body)) < 0.1) === arguments[0] ? [] : ['the other scheme'];
for (const e of document.querySelectorAll('main *, header *, footer *')) {
  const speaks = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  if (!speaks || !e.checkVisibility() || e.disabled) continue;
  const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < 4.5) bad.push(`${e.tagName}.${e.className}: ${e.textContent.slice(0, 30)}`);
}
const ratio = (one, other) => {
  const [a, b] = [light(one), light(other)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
};
for (const e of document.querySelectorAll('input')) {
  if (ratio(getComputedStyle(e, '::placeholder').color, behind(e)) < 4.5) bad.push(`placeholder of ${e.id}`);
}
// What is no text but must be seen: edges of controls, and the lines of intervals (WCAG 2.1, 1.4.11).
for (const e of document.querySelectorAll('input, select, button:not(.sort, :disabled)')) {
  if (ratio(getComputedStyle(e).borderTopColor, behind(e.parentElement)) < 3) bad.push(`edge of ${e.id}`);
}
for (const e of document.querySelectorAll('.between, .point')) {
  if (ratio(getComputedStyle(e).stroke, behind(e)) < 3) bad.push(`line ${e.getAttribute('class')}`);
}
return bad;
"""


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_wider_than_a_phone(browser: Any, site: Path, page: str) -> None:
    screen(browser, 390, 844)
    visit(browser, site, page)
    wait(browser, "document.querySelector('#sample, table')")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("width", [390, 1280])
def test_a_wide_table_scrolls_in_its_own_frame_and_never_the_page(
    browser: Any, sites: Callable[..., Path], tmp_path: Path, width: int
) -> None:
    row = '      - {{score: yesno, label: {{en: Functional correspondence {n}}}, published: ["81.9"]}}\n'
    head = boards.CARD[: boards.CARD.index("      - {score")]
    (tmp_path / "wide.yaml").write_text(head + "".join(row.format(n=n) for n in range(20)))
    site = sites("wide", boards.graded(tmp_path), "--card", str(tmp_path / "wide.yaml"))
    screen(browser, width, 844)
    visit(browser, site, "index.html")
    wait(browser, "document.querySelector('.rank')")
    frame, page = browser.execute_script(
        "return [document.querySelector('.scroll'), document.documentElement].map(e => e.scrollWidth - e.clientWidth)"
    )
    assert frame > 500
    assert page == 0


def test_on_a_phone_a_sample_takes_the_place_of_the_list(browser: Any, site: Path) -> None:
    screen(browser, 390, 844)
    samples(browser, site)
    assert not browser.find_element("id", "sample").is_displayed()
    browser.find_element("css selector", "#items li a").click()
    wait(browser, "document.querySelector('#sample').checkVisibility()")
    assert not browser.find_element("id", "items").is_displayed()
    first = heading(browser)
    browser.find_element("xpath", "//button[.='next']").click()
    wait(browser, f"document.querySelector('#sample h2').innerText !== {first!r}")
    browser.find_element("xpath", "//button[.='previous']").click()
    wait(browser, f"document.querySelector('#sample h2').innerText === {first!r}")
    browser.find_element("css selector", ".back").click()
    wait(browser, "document.querySelector('#items').checkVisibility()")


def test_a_printed_table_is_whole_and_has_no_controls(browser: Any, site: Path) -> None:
    screen(browser, 600, 300)
    visit(browser, site, "index.html")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    hidden = "const e = document.querySelector('.scroll'); return e.scrollHeight - e.clientHeight"
    assert browser.execute_script(hidden) <= 0
    assert not browser.find_element("id", "filters").is_displayed()
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_focus_is_seen(browser: Any, site: Path, dark: bool) -> None:
    from selenium.webdriver.common.keys import Keys

    screen(browser, 1280, 850, dark=dark)
    visit(browser, site, "index.html")
    for _ in range(6):  # the link to the content, the source, three filters and the table
        press(browser, Keys.TAB)
        style, width, color = browser.execute_script(
            "const s = getComputedStyle(document.activeElement);return [s.outlineStyle, s.outlineWidth, s.outlineColor]"
        )
        assert (style, width) == ("solid", "2px")
        assert color == ("rgb(140, 186, 242)" if dark else "rgb(11, 87, 164)")  # links; their contrast is tested
    assert browser.execute_script("return document.activeElement.className") == "scroll"


@pytest.mark.parametrize("page", PAGES)
def test_landmarks_and_labels(browser: Any, site: Path, page: str) -> None:
    visit(browser, site, page)
    wait(browser, "document.querySelector('#sample, table')")
    script = """return [...document.querySelectorAll('input, select, button, img')].filter((e) => !(e.labels?.length
        || e.getAttribute('aria-label') || e.alt || e.textContent.trim())).map((e) => e.outerHTML)"""
    assert browser.execute_script(script) == []
    small = """return [...document.querySelectorAll('input:not([type=checkbox]), select, button, .to')].filter((e) =>
        e.checkVisibility() && e.getBoundingClientRect().height < 24).map((e) => e.outerHTML)"""
    assert browser.execute_script(small) == []  # WCAG 2.2, 2.5.8
    for landmark in ("main", "header", "footer", "h1"):
        assert len(browser.find_elements("css selector", f"body > {landmark}, body > * {landmark}")) >= 1
    assert len(browser.find_elements("tag name", "h1")) == 1


# --- in Chinese


def test_a_chinese_page_says_nothing_in_english(browser: Any, sites: Callable[..., Path], tmp_path: Path) -> None:
    english = sorted(set(translations.CHINESE) - {"right"})  # a model's name here
    site = sites("chinese", boards.hostile(tmp_path), "--lang", "zh")
    visit(browser, site, "index.html")
    assert texts(browser, "thead .sort")[0] == "模型"
    assert browser.execute_script(SAID, english) == []
    for fragment in ("", "#sample=q1", "#sample=long", "#sample=none&q=yes"):
        visit(browser, site, f"samples/yesno.html{fragment}")
        wait(browser, "document.querySelector('#sample').innerText")
        assert browser.execute_script(SAID, english) == []
    samples(browser, site, "#sample=q1")
    wait(browser, "document.querySelector('#sample h2')")
    shown = browser.find_element("id", "sample").text
    for expected in ("✓ 正确", "标准答案\nyes", "图片 1", "读出 “yes” · 标准 “yes” · 得分 1 · 规则 default (yes_no)"):
        assert expected in shown
    assert texts(browser, "#count") == ["25 个样本"]


SAID = """
const english = new Set(arguments[0]);
const texts = [];
for (const e of document.querySelectorAll('body, body *:not(script, style)')) {
  texts.push(...[...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data));
  texts.push(...['title', 'placeholder', 'aria-label', 'alt'].map((name) => e.getAttribute(name) || ''));
}
const found = texts.flatMap((text) => text.split(/[·:,]/)).map((text) => text.trim());
return found.filter((text) => english.has(text) || / (samples|tokens|characters|read|gold)$/.test(text));
"""
