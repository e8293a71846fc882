"""Actions of a reader on a page, and the texts that the page shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def wait(browser: Any, condition: str, *, seconds: float = 30) -> Any:
    """Wait until the JavaScript expression is true; returns its value."""
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
