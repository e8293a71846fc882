"""The site as its readers use it: sorted, filtered, searched, linked to, by keyboard, on a phone, in the dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from evalkit.cli import main
from evalkit.report.html import words
from tests import boards
from tests.browser.conftest import screen, start

MANY = 20_000


def wait(browser: Any, condition: str, *, seconds: float = 30) -> Any:
    """Until the JavaScript expression is true; returns it."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, seconds, poll_frequency=0.05).until(
        lambda b: b.execute_script(f"return {condition}"), f"never came true: {condition}"
    )


def visit(browser: Any, site: Path, page: str) -> None:
    browser.get("about:blank")  # a new fragment alone would not load the page
    browser.get(f"{site.as_uri()}/{page}")


def samples(browser: Any, site: Path, fragment: str = "", *, page: str = "yesno") -> None:
    visit(browser, site, f"samples/{page}.html{fragment}")
    wait(browser, "document.querySelectorAll('#items li').length > 0 && !document.body.inert")


def texts(browser: Any, selector: str) -> list[str]:
    shown = "[...document.querySelectorAll(arguments[0])].filter((e) => e.checkVisibility())"
    found: list[str] = browser.execute_script(f"return {shown}.map((e) => e.innerText)", selector)
    return found


def models(browser: Any) -> list[str]:
    return [text.split("\n")[0].removesuffix(" published") for text in texts(browser, "tbody th.model")]


def write(browser: Any, id_: str, text: str) -> None:
    field = browser.find_element("id", id_)
    field.clear()
    field.send_keys(text)


def choose(browser: Any, id_: str, label: str) -> None:
    from selenium.webdriver.support.ui import Select

    Select(browser.find_element("id", id_)).select_by_visible_text(label)


def press(browser: Any, key: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(key).perform()


def listed(browser: Any) -> list[str]:
    return texts(browser, "#items .id")


def heading(browser: Any) -> str:
    found: str = browser.execute_script("return document.querySelector('#sample h2')?.innerText || ''")
    return found


# --- tables


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


# --- samples


def test_a_sample_opens_with_prompt_pictures_replies_and_score(browser: Any, site: Path) -> None:
    samples(browser, site)
    browser.find_element("css selector", "#items li:nth-child(10) a").click()
    wait(browser, "document.querySelector('#sample h2')?.innerText === 'q1'")
    shown = browser.find_element("id", "sample").text
    read = "read “yes” · gold “yes” · score 1 · rule default (yes_no)"
    for expected in ("Is <i>9</i> odd?", "Gold answer\nyes", read, "key "):
        assert expected in shown
    assert wait(browser, "[...document.querySelectorAll('#sample img')].every((i) => i.naturalWidth)")
    assert browser.execute_script("return document.querySelector('#sample img').naturalWidth") == 384
    assert "Pictures: <i>CC BY</i>" in browser.find_element("tag name", "main").text


def test_a_video_shows_its_frames_with_their_times(browser: Any, videos: Path) -> None:
    samples(browser, videos, page="mini_videomme")
    browser.find_element("css selector", "#items a").click()
    wait(browser, "document.querySelectorAll('#sample figure').length === 8")
    assert wait(browser, "[...document.querySelectorAll('#sample img')].every((i) => i.naturalWidth)")
    captions = texts(browser, "figcaption")
    seconds = [float(caption.split(", ")[1].removesuffix(" s")) for caption in captions]
    assert seconds == sorted(seconds)
    assert len(set(seconds)) == 8
    assert all(caption.startswith("frame ") for caption in captions)


@pytest.fixture(scope="module")
def videos(sites: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("videos") / "results"
    command = [
        "run",
        "--task",
        "mini_videomme",
        "--model",
        "first-option",
        "--limit",
        "3",
        "--out",
        str(out),
        "--quiet",
    ]
    main(command)
    return sites("videos", out, "--allow-incomplete")


@pytest.mark.parametrize(
    ("id_", "label", "count"),
    [("show", "wrong", 15), ("show", "unparsed", 2), ("show", "models disagree", 15), ("group", "half=even", 13)],
)
def test_filters(browser: Any, site: Path, id_: str, label: str, count: int) -> None:
    samples(browser, site)
    choose(browser, id_, label)
    wait(browser, f"document.querySelectorAll('#items li').length === {count}")
    assert texts(browser, "#count") == [f"{count} of 25 samples"]


def test_wrong_by_one_model_only(browser: Any, site: Path) -> None:
    visit(browser, site, "samples/yesno.html#show=wrong&model=right")
    wait(browser, "document.querySelector('#count').innerText === '0 of 25 samples'")


def test_search_finds_words_of_replies_and_escapes(browser: Any, site: Path) -> None:
    samples(browser, site)
    press(browser, "/")
    press(browser, "HYPERLINK")
    wait(browser, "document.querySelector('#count').innerText === '1 of 25 samples'")
    assert listed(browser) == ["formula"]
    write(browser, "search", "no such words")
    wait(browser, "document.querySelector('#count').innerText === '0 of 25 samples'")


@pytest.mark.parametrize("name", ["q7", 'a "b" <c>/../&#?d'])
def test_deep_links_open_their_sample(browser: Any, site: Path, name: str) -> None:
    samples(browser, site, f"#sample={quote(name)}&show=right")
    wait(browser, f"document.querySelector('#sample h2')?.innerText === {name!r}")
    browser.find_element("css selector", "#items li a").click()
    wait(browser, f"document.querySelector('#sample h2')?.innerText !== {name!r}")
    browser.back()
    wait(browser, f"document.querySelector('#sample h2')?.innerText === {name!r}")


def test_a_link_to_no_sample_says_so(browser: Any, site: Path) -> None:
    samples(browser, site, "#sample=<img%20src=x>")
    wait(browser, "document.querySelector('#sample').innerText.includes('There is no sample <img src=x> here.')")


def test_keys_walk_through_the_samples(browser: Any, site: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    samples(browser, site, "#sample=q3")
    for key, name in [("j", "q4"), (Keys.ARROW_RIGHT, "q5"), ("k", "q4"), (Keys.ARROW_LEFT, "q3")]:
        press(browser, key)
        wait(browser, f"document.querySelector('#sample h2')?.innerText === '{name}'")
    press(browser, "/")
    press(browser, "j")  # a letter now, not a command
    assert browser.find_element("id", "search").get_attribute("value") == "j"
    assert heading(browser) == "q3"


def test_arrows_go_on_from_the_sample_that_was_clicked(browser: Any, site: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    samples(browser, site)
    browser.find_element("css selector", "#items li:nth-child(10) a").click()
    wait(browser, "document.activeElement.innerText.startsWith('q1\\n')")
    press(browser, Keys.ARROW_DOWN)
    wait(browser, "document.querySelector('#sample h2')?.innerText === 'q2'")
    wait(browser, "document.activeElement.innerText.startsWith('q2\\n')")


@pytest.mark.parametrize("name", boards.HOSTILE)
def test_harmful_replies_are_shown_and_do_nothing(browser: Any, site: Path, name: str) -> None:
    samples(browser, site, f"#sample={name}")
    wait(browser, f"document.querySelector('#sample h2')?.innerText === {name!r}")
    replies = texts(browser, ".reply pre")
    shown = max(replies, key=len)
    expected = {
        "ansi": "␛[2J␛[31myes␛]0;owned␇⟦U+009B⟧1m",
        "turned": "⟦U+202E⟧yes⟦U+202C⟧⟦U+2066⟧ no",
        "long": ("yes " * 1000),
    }.get(name, boards.HOSTILE[name])
    assert shown.split() == expected.split()
    assert "owned" not in browser.title
    assert browser.find_elements("css selector", "#sample script, #sample [onerror], #sample i, #sample b") == []


def test_a_million_characters_come_when_asked_for(browser: Any, site: Path) -> None:
    samples(browser, site, "#sample=long")
    wait(browser, "document.querySelector('#sample h2')?.innerText === 'long'")
    more = browser.find_element("xpath", "//button[starts-with(., 'Show all 1,048,576')]")
    more.click()
    assert (
        browser.execute_script(
            "return Math.max(...[...document.querySelectorAll('.reply pre')].map((e) => e.textContent.length))"
        )
        == 2**20
    )


@pytest.mark.parametrize("page", ["index.html", "runs/harmful--yesno.html", "samples/yesno.html#sample=closing"])
def test_markup_that_slipped_in_would_not_run(browser: Any, site: Path, page: str) -> None:
    visit(browser, site, page)
    assert browser.find_elements("css selector", "main script, main [onerror], main iframe, main object") == []
    browser.execute_script(SLIPPED)
    wait(browser, "window.refused.length === 4")
    assert sorted(browser.execute_script("return window.refused")) == [
        "img-src",
        "script-src-attr",
        "script-src-elem",
        "style-src-attr",
    ]
    assert browser.title != "owned"
    browser.get_log("browser")  # it tells of the four


SLIPPED = """
window.refused = [];
document.addEventListener('securitypolicyviolation', (event) => window.refused.push(event.effectiveDirective));
document.body.insertAdjacentHTML('beforeend', `<img src="https://example.org/x.png"><p style="color: red">
    <button id="trap" onclick="document.title = 'owned'"></button>`);
const script = document.createElement('script');
script.textContent = "document.title = 'owned'";
document.body.append(script);
document.getElementById('trap').click();
"""


# --- looks


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
    english = sorted(set(words.ZH) - {"right"})  # a model's name here
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


# --- size


@pytest.fixture(scope="module")
def large(sites: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    ids = [f"s{n}" for n in range(MANY)]
    task = boards.make_task(folder, ids)
    boards.score(task, "one", dict.fromkeys(ids, "yes"), folder / "results")
    boards.score(task, "two", {name: f"no, {n * 7919}" for n, name in enumerate(ids)}, folder / "results")
    return sites("large", folder / "results")


def test_twenty_thousand_samples_are_paged_searched_and_linked(browser: Any, large: Path) -> None:
    samples(browser, large, "#sample=s19999")
    wait(browser, "document.querySelector('#sample h2')?.innerText === 's19999'")
    assert texts(browser, "#page") == ["200 / 200"]
    assert browser.execute_script("return document.querySelectorAll('*').length") < 2_000
    assert len(listed(browser)) == 100
    needle = str(17_123 * 7919)
    write(browser, "search", needle)
    wait(browser, "document.querySelector('#count').innerText === '1 of 20000 samples'")
    assert listed(browser) == ["s17123"]
