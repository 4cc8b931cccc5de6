#!/usr/bin/env python3
"""Compares the page of a recording, as a browser shows it, with the pictures beside this file.

A picture may differ from the shown one in a few pixels, because each version of a browser draws the edges
of letters a little differently.
"""

import argparse
import html
import pathlib
import re
import subprocess
import sys
import tempfile

from PIL import Image, ImageChops

SHOWN = pathlib.Path(__file__).resolve().parent

# A channel of a pixel differs if it differs by more than this, and a picture differs if more than this share
# of its pixels do. If one of the three lines has another colour, 4 pixels of 1,000 differ.
LEVELS = 64
SHARE = 0.001

# The width, the height and the colour scheme of each picture. Chromium's number of dark is 0.
SCREENS = {
    "phone": (400, 2000, 1),
    "desktop": (1400, 1600, 1),
    "dark": (1400, 1600, 0),
}

# A screen: a frame with the page. Chromium's windows cannot be as narrow as a phone. The script tells the
# width of the page and that of the screen.
FRAME = """<!doctype html>
<body style="margin: 0">
<iframe style="border: 0; width: {width}px; height: {height}px" srcdoc="{page}"></iframe>
<script>
const frame = document.querySelector("iframe");
frame.addEventListener("load", () => {{
  const root = frame.contentDocument.documentElement;
  document.body.dataset.widths = `${{root.scrollWidth}} of ${{root.clientWidth}}`;
}});
</script>
"""


def browse(browser, framed, screen, option):
    """Runs the browser on a framed page and returns its output."""
    width, height, scheme = SCREENS[screen]
    with tempfile.TemporaryDirectory() as profile:
        run = subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
                "--force-color-profile=srgb",
                f"--user-data-dir={profile}",
                f"--window-size={width + 200},{height + 200}",
                f"--blink-settings=preferredColorScheme={scheme}",
                option,
                framed.as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=120,
        )
    if run.returncode:
        sys.exit(f"{browser} exits with {run.returncode}:\n{run.stderr}")
    return run.stdout


def difference(shown, made):
    """Returns the share of the pixels of two pictures that differ."""
    if shown.size != made.size:
        return 1
    channels = ImageChops.difference(shown.convert("RGB"), made.convert("RGB")).split()
    most = ImageChops.lighter(ImageChops.lighter(*channels[:2]), channels[2])
    return sum(most.histogram()[LEVELS + 1 :]) / (most.width * most.height)


def make(arguments):
    """Makes the pictures of a page. Returns whether a reader has to scroll one sideways."""
    page = arguments.page.read_text()
    wrong = False
    for screen, (width, height, _) in SCREENS.items():
        with tempfile.NamedTemporaryFile("w", suffix=".html") as framed:
            framed.write(FRAME.format(width=width, height=height, page=html.escape(page)))
            framed.flush()
            path = pathlib.Path(framed.name)
            picture = arguments.folder / f"{screen}.png"
            browse(arguments.browser, path, screen, f"--screenshot={picture.resolve()}")
            output = browse(arguments.browser, path, screen, "--dump-dom")
        Image.open(picture).crop((0, 0, width, height)).save(picture)
        widths = re.search(r'data-widths="(\d+) of (\d+)"', output)
        if not widths or int(widths[2]) != width:
            sys.exit(f"{arguments.browser} does not show the page:\n{output[:1000]}")
        if int(widths[1]) > width:
            wrong = True
            print(f"{screen}: the page is {widths[1]} pixels wide, and the screen {width}")
    return wrong


def compare(arguments):
    """Compares pictures with the shown ones. Returns whether one differs."""
    wrong = 0
    for screen in SCREENS:
        shown, made = (Image.open(folder / f"{screen}.png") for folder in (SHOWN, arguments.folder))
        share = difference(shown, made)
        wrong += share > SHARE
        print(f"{screen}: {share:.4%} of the pixels differ")
    print(f"{len(SCREENS)} pictures compared, {wrong} differ")
    return wrong > 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("make", help="make the pictures of a page")
    command.add_argument("--browser", default="chromium", help="Chromium or a browser of its family")
    command.add_argument("page", type=pathlib.Path)
    command.add_argument("folder", type=pathlib.Path)
    command.set_defaults(run=make)
    command = commands.add_parser("compare", help="compare pictures with those beside this file")
    command.add_argument("folder", type=pathlib.Path)
    command.set_defaults(run=compare)
    arguments = parser.parse_args()
    return arguments.run(arguments)


if __name__ == "__main__":
    sys.exit(main())
