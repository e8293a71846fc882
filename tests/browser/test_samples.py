"""Samples as their readers use them: searched, filtered, linked to, by keyboard, harmful or many."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from evalkit.cli.entry import main
from tests import boards
from tests.browser.reader import choose, heading, listed, press, samples, texts, visit, wait, write

MANY = 20_000


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
