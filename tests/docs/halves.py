#!/usr/bin/env python3
"""Checks that report.sh's page shows a disk that turned slow half way: halves.py PAGE DELAY_MS."""

import html.parser
import sys


class Tables(html.parser.HTMLParser):
    """The rows of a page's tables, each a list of texts."""

    def __init__(self):
        super().__init__()
        self.rows, self.is_cell = [], False

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.is_cell = True
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        if tag in ("th", "td"):
            self.is_cell = False

    def handle_data(self, data):
        if self.is_cell:
            self.rows[-1][-1] += data


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1]) as file:
        page = file.read()
    tables = Tables()
    tables.feed(page)
    begins = [at for at, row in enumerate(tables.rows) if row[0] in ("Device", "From")]
    if len(begins) != 2 or page.count("<h2>vg-data</h2>") != 1:
        sys.exit(f"{sys.argv[1]}: not a page of the volume vg-data")
    over_time = tables.rows[begins[1] :]
    place = over_time[0].index("r_p50")
    medians = [row[place] for row in over_time[1:] if len(row) > place and row[place] != "-"]
    slow = [float(median) >= float(sys.argv[2]) for median in medians]
    # All seconds with requests are fast, and then all are slow.
    if slow != sorted(slow) or set(slow) != {False, True}:
        sys.exit(f"{sys.argv[1]}: the medians of reads are not fast and then slow: {medians}")
    print(f"{slow.count(False)} fast seconds, then {slow.count(True)} slow ones")


if __name__ == "__main__":
    main()
