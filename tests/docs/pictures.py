#!/usr/bin/env python3
"""Compares the texts of dmpstat's pictures in two folders, without figures: pictures.py SHOWN MADE."""

import difflib
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

import outputs


def lines(path):
    """Returns the distinct lines of text in a picture, because their order and number depend on the load.

    "-" counts as 0, because no request may complete in an interval on a slow machine.
    """
    rows = {}
    for text in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text"):
        rows.setdefault(float(text.get("y")), []).append((float(text.get("x")), text.text))
    joined = [" ".join(part for _, part in sorted(rows[y])) for y in sorted(rows)]
    return sorted({re.sub(r"(?<= )-(?= |$)", "0", line) for line in outputs.shape("\n".join(joined))})


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    shown, made = (pathlib.Path(folder) for folder in sys.argv[1:])
    names = sorted(path.name for path in made.glob("*.svg"))
    if not names:
        sys.exit(f"no picture in {made}")
    wrong = 0
    for name in names:
        pair = [lines(shown / name), lines(made / name)]
        if pair[0] != pair[1]:
            wrong += 1
            print(f"{name}: the texts of the picture differ:")
            print("\n".join(difflib.unified_diff(*pair, "shown", "made", lineterm="")))
    print(f"{len(names)} pictures compared, {wrong} differ")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
