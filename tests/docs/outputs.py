#!/usr/bin/env python3
"""Compares each output in the documentation with the output of its command.

A page has the command in a comment before the block:

    <!-- run: ci/nix run .#vm -- sh -c 'dmpstat list' -->
    ```text
    the output
    ```

With `<!-- run, figures vary: COMMAND -->` numbers, times, bars, the width of columns and the number of
rows that are otherwise alike may differ. Lines of the block that begin with `$ ` are commands for the
reader.

A block after `<!-- from: FILE -->` must be in that file of the repository, as a string or a value of a
test. Line breaks and indentation may differ.
"""

import argparse
import difflib
import itertools
import os
import pathlib
import re
import subprocess
import sys

# A machine is as slow as its host.
TIMEOUT_S = 300

EXAMPLE = re.compile(
    r"(?P<head>^<!-- run(?P<vary>, figures vary)?: (?P<command>.*?) -->\n```text\n(?P<typed>(?:\$ [^\n]*\n)*))"
    r"(?P<output>.*?)```\n",
    re.DOTALL | re.MULTILINE,
)

QUOTE = re.compile(r"^<!-- from: (?P<file>.*?) -->\n```\w+\n(?P<text>.*?)```\n", re.DOTALL | re.MULTILINE)

ROOT = pathlib.Path(__file__).resolve().parents[2]


def output_of(command):
    """Returns the standard output of a command, and exits if the command fails."""
    # nix takes the first -- for itself.
    machine = os.environ.get("DMP_VM", "ci/nix run .#vm --")
    run = subprocess.run(
        ["bash", "-c", command.replace("ci/nix run .#vm --", machine, 1)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    if run.returncode:
        sys.exit(f"status {run.returncode} of: {command}\n{run.stdout}{run.stderr}")
    return run.stdout.replace("\r\n", "\n")


def shape(output):
    """Returns the lines of an output without numbers, times, bars, widths and repetitions."""
    output = re.sub(r"\d+(\.\d+)?([num]?s)?\b", "0", output)
    output = re.sub(r"#+", "#", output)
    output = re.sub(r" +", " ", output)
    return [line for line, _ in itertools.groupby(output.splitlines())]


def words(text):
    """Returns a text with single spaces, also in place of a line break in a string of Rust."""
    return " ".join(re.sub(r"\\\n\s*", "", text).split())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the outputs into the pages")
    parser.add_argument("page", nargs="+")
    arguments = parser.parse_args()

    compared, wrong, missing = 0, 0, 0
    for path in arguments.page:
        with open(path) as file:
            page = file.read()
        examples = list(EXAMPLE.finditer(page))
        quotes = list(QUOTE.finditer(page))
        if len(examples) + len(quotes) != len(re.findall("^<!-- (?:run|from)", page, re.MULTILINE)):
            sys.exit(
                f"{path}: a comment <!-- run: COMMAND --> lacks its command or its ```text block,"
                " or a comment <!-- from: FILE --> lacks its file or its block"
            )
        for quote in quotes:
            compared += 1
            if words(quote["text"]) not in words((ROOT / quote["file"]).read_text()):
                missing += 1
                line = page.count("\n", 0, quote.start()) + 1
                print(f"{path}:{line}: the block is not in {quote['file']}")
        parts, end = [], 0
        for example in examples:
            output = output_of(example["command"])
            alike = shape if example["vary"] else str
            compared += 1
            if alike(output) != alike(example["output"]):
                wrong += 1
                line = page.count("\n", 0, example.start()) + 1
                print(f"{path}:{line}: the output of the command differs:")
                shown = [example["output"].splitlines(), output.splitlines()]
                print("\n".join(difflib.unified_diff(*shown, "page", "command", lineterm="")))
            parts += [page[end : example.start()], example["head"], output, "```\n"]
            end = example.end()
        if arguments.write and examples:
            with open(path, "w") as file:
                file.write("".join(parts) + page[end:])
    print(f"{compared} outputs compared, {wrong + missing} differ")
    return bool(missing or (wrong and not arguments.write))


if __name__ == "__main__":
    sys.exit(main())
