#!/usr/bin/python3
"""How fluid the graph page is: frame times in headless Chromium while a person would drag, zoom,
point and move a slider.

    build/release/bin/page_bench --output page.html
    /usr/bin/python3 bench/page_frames.py page.html [--edges all|strongest|none] [--seconds 3]

Frame times are those between two calls of requestAnimationFrame: 16.7 ms is a browser that keeps up.
Chromium runs without a GPU here, so that canvases are drawn by the CPU; a desktop is faster.
"""

import argparse
import math
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/page"))
from browser import Browser

RECORD = """
window.frames_ = [];
window.recording_ = true;
let last = performance.now();
requestAnimationFrame(function frame(now) {
  window.frames_.push(now - last);
  last = now;
  if (window.recording_) requestAnimationFrame(frame);
});
"""


def mouse(page, kind, x, y, **more):
    page.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **more})


def hover(page, step, x, y):
    mouse(page, "mouseMoved", x + 400 * math.sin(step / 9), y + 200 * math.cos(step / 13))


def drag(page, step, x, y):
    if step == 0:
        mouse(page, "mousePressed", x, y, button="left", clickCount=1)
    mouse(page, "mouseMoved", x + 300 * math.sin(step / 9), y + 100 * math.cos(step / 9), button="left", buttons=1)


def wheel(page, step, x, y):
    mouse(page, "mouseWheel", x, y, deltaX=0, deltaY=-60 if step // 25 % 2 == 0 else 60)


def slide(page, step, x, y):
    page.run("const slider = document.getElementById('edge-threshold');"
             "slider.value = arguments[0]; slider.dispatchEvent(new Event('input'))",
             1 - 0.05 * abs(math.sin(step / 10)))


def measure(page, name, action, seconds, x, y):
    page.run(RECORD)
    began = time.monotonic()
    step = 0
    while time.monotonic() - began < seconds:
        action(page, step, x, y)
        step += 1
    frames = sorted(page.run("window.recording_ = false; return window.frames_")[2:])
    mouse(page, "mouseReleased", x, y, button="left", clickCount=1)
    page.settle()
    late = sum(frame > 34 for frame in frames) / len(frames)
    print(f"{name:8} {step:6} {len(frames):7} {statistics.median(frames):8.1f} "
          f"{frames[int(0.95 * len(frames))]:8.1f} {frames[-1]:8.1f} {100 * late:7.1f} %")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", help="HTML file of a graph")
    parser.add_argument("--edges", default="all", choices=("all", "strongest", "none"),
                        help="edges behind the nodes [default: all]")
    parser.add_argument("--seconds", type=float, default=3, help="of each movement [default: 3]")
    arguments = parser.parse_args()
    with Browser(1400, 900) as browser:
        began = time.monotonic()
        page = browser.open(arguments.page, f"edges={arguments.edges}")
        print(f"opened in {time.monotonic() - began:.2f} s, {page.text('#counts')}")
        print(f"{'':8} {'events':>6} {'frames':>7} {'median':>8} {'95 %':>8} {'worst':>8} {'> 34 ms':>9}   (ms)")
        box = page.run("const box = document.getElementById('overlay').getBoundingClientRect();"
                       "return [box.left + box.width / 2, box.top + box.height / 2]")
        time.sleep(1)  # the edges behind are drawn
        measure(page, "hover", hover, arguments.seconds, *box)
        measure(page, "zoom", wheel, arguments.seconds, *box)
        page.press("+", "+", "+")
        measure(page, "drag", drag, arguments.seconds, *box)
        page.press("0")
        measure(page, "slider", slide, arguments.seconds, *box)


if __name__ == "__main__":
    main()
