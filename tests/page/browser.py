"""A headless Chromium for the tests and benches of the graph page.

    with Browser(width=1200, height=800) as browser:
        page = browser.open("/some/page.html", "clickedId=0_3_0")
        page.press("p")

Needs Debian's chromium, chromium-driver and python3-selenium (scripts/setup --browser).
"""

import base64
import os
import pathlib
import shutil
import sys
import time

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ModuleNotFoundError:
    sys.exit("Selenium is not installed; scripts/setup --browser installs it with Chromium.")

# How long to wait for what must happen: a machine that builds at the same time is slow.
PATIENCE_S = 120

KEYS = {"Escape": Keys.ESCAPE, "ArrowUp": Keys.ARROW_UP, "ArrowDown": Keys.ARROW_DOWN,
        "ArrowLeft": Keys.ARROW_LEFT, "ArrowRight": Keys.ARROW_RIGHT, "Enter": Keys.ENTER}


def _program(name, variable):
    path = os.environ.get(variable) or shutil.which(name)
    if path is None:
        sys.exit(f"There is no {name}; scripts/setup --browser installs it, or set {variable}.")
    return path


class Browser:
    """One process of Chromium with one tab. width and height are those of the page, in pixels."""

    def __init__(self, width=1200, height=800, dark=False):
        options = Options()
        options.binary_location = _program("chromium", "CAJAL_CHROMIUM")
        # Containers often forbid what the sandbox needs, and the pages are our own.
        for argument in ("--headless=new", "--disable-gpu", "--hide-scrollbars", "--no-sandbox",
                         "--disable-dev-shm-usage", f"--window-size={width},{height + 200}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options,
                                       service=Service(_program("chromedriver", "CAJAL_CHROMEDRIVER")))
        self.driver.set_script_timeout(PATIENCE_S)
        self.resize(width, height)
        self.set_dark(dark)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()

    def resize(self, width, height):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def set_dark(self, dark):
        """What the system prefers."""
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})

    def open(self, path, address=""):
        """Opens a file, with what follows '#' in its address, and waits until it has been drawn."""
        self.driver.get("about:blank")  # or a new '#' alone would not load it again
        self.driver.get_log("browser")
        url = pathlib.Path(path).resolve().as_uri()
        self.driver.get(url + ("#" + address if address else ""))
        return Page(self.driver)


class Page:
    def __init__(self, driver):
        self.driver = driver
        self.settle()

    def run(self, script, *arguments):
        """The value of a JavaScript function's body."""
        return self.driver.execute_script(script, *arguments)

    def settle(self):
        """Waits for two frames: what was scheduled has been drawn."""
        self.driver.execute_async_script(
            "const done = arguments[0];"
            "requestAnimationFrame(() => requestAnimationFrame(() => done()));")

    def wait_for(self, condition):
        """Until a script's or a function's value is true."""
        deadline = time.monotonic() + PATIENCE_S
        while not (condition() if callable(condition) else self.run(condition)):
            if time.monotonic() > deadline:
                raise AssertionError(f"never true: {condition}")
            self.settle()

    def find(self, css):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def find_all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def text(self, css):
        return self.run("return document.querySelector(arguments[0]).textContent", css)

    def press(self, *keys):
        """Presses keys on the graph, as one who has clicked on it."""
        for key in keys:
            self.find("#overlay").send_keys(KEYS.get(key, key))
        self.settle()

    def set_slider(self, slider, value):
        self.run("const slider = document.getElementById(arguments[0]);"
                 "slider.value = arguments[1];"
                 "slider.dispatchEvent(new Event('input', {bubbles: true}));", slider, value)
        self.settle()

    def place_of(self, node_id):
        """Where a node is drawn: pixels from the middle of the graph's pane."""
        return self.run(
            "const {view, state} = window.cajal; const {frame} = view;"
            "const node = state.graph.nodeOfId.get(arguments[0]);"
            "return [frame.x(frame.layout.x[node]) - frame.width / 2,"
            "        frame.y(frame.layout.y[node]) - frame.height / 2]", node_id)

    def point_at(self, node_id, click=False, shift=False):
        x, y = self.place_of(node_id)
        actions = ActionChains(self.driver, duration=0)
        if shift:
            actions.key_down(Keys.SHIFT)
        actions.move_to_element_with_offset(self.find("#overlay"), round(x), round(y))
        if click:
            actions.click()
        if shift:
            actions.key_up(Keys.SHIFT)
        actions.perform()
        self.settle()

    def click_node(self, node_id, shift=False):
        self.point_at(node_id, click=True, shift=shift)

    def clicked(self):
        """Id of the selected node; None without a selection."""
        return self.run("const {state} = window.cajal;"
                        "return state.clicked < 0 ? null : state.graph.id[state.clicked]")

    def pixel(self, css, x, y):
        """[red, green, blue, alpha] of a canvas at CSS pixels from its left upper corner."""
        # Read from a copy: the canvas that is drawn on stays as it is.
        return self.run(
            "const canvas = document.querySelector(arguments[0]);"
            "const scale = canvas.width / canvas.getBoundingClientRect().width;"
            "const copy = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});"
            "copy.drawImage(canvas, -Math.round(arguments[1] * scale), -Math.round(arguments[2] * scale));"
            "return [...copy.getImageData(0, 0, 1, 1).data]", css, x, y)

    def painted(self, css):
        """Share of a canvas' pixels that are not transparent."""
        return self.run(
            "const canvas = document.querySelector(arguments[0]);"
            "const copy = new OffscreenCanvas(canvas.width, canvas.height)"
            "    .getContext('2d', {willReadFrequently: true});"
            "copy.drawImage(canvas, 0, 0);"
            "const {data} = copy.getImageData(0, 0, canvas.width, canvas.height);"
            "let n = 0; for (let i = 3; i < data.length; i += 4) n += data[i] > 0;"
            "return n / (data.length / 4)", css)

    def errors(self):
        """What the console has complained about since the page was opened."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] in ("SEVERE", "WARNING")]

    def screenshot(self):
        """A PNG of the window."""
        return base64.b64decode(self.driver.get_screenshot_as_base64())
