#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Checks dashboards for Grafana by the rules of its dashboard-linter, without Grafana.

    lint.py FILE...

Prints each violation, and fails if there is one.
"""

import json
import re
import sys

# Functions of counters and of histograms' buckets, whose range is that of the panel.
RATES = ("rate", "irate", "increase")
# Grafana's own durations.
RANGES = ("$__rate_interval", "$__range")
# The suffixes of counters' names.
COUNTER = re.compile(r"_(total|count|sum|bucket)$")
# A selector: a metric and its matchers, and a range.
SELECTOR = re.compile(r"\b([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}(?:\[([^\]]*)\])?")
CALL = re.compile(r"([a-z_]+)\s*\($")
# Words that are no metrics: label lists and numbers go first.
LISTS = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
WORD = re.compile(r"\$?\b[a-zA-Z_:][a-zA-Z0-9_:]*\b(?!\s*[({])")
OPERATORS = {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "inf", "nan"}


def text_of(value):
    """Returns the query of a variable, which is a text or an object."""
    return value.get("query", "") if isinstance(value, dict) else value or ""


def variables(dashboard):
    """Yields the violations of the dashboard's variables."""
    pickers = {of["name"]: of for of in dashboard.get("templating", {}).get("list", [])}
    sources = [of for of in pickers.values() if of["type"] == "datasource"]
    if [of["name"] for of in sources] != ["datasource"] or sources[0].get("label") != "Data source":
        yield "the dashboard needs one data source variable: name datasource, label Data source"
    for name in ("job", "instance"):
        if name not in pickers:
            yield f"the dashboard has no variable {name}"
        elif pickers[name].get("allValue") != ".+" or not pickers[name].get("multi"):
            yield f"variable {name} needs several values, and .+ for all"
    for name, picker in pickers.items():
        if picker["type"] != "query":
            continue
        if picker.get("datasource", {}).get("uid") != "${datasource}":
            yield f"variable {name} does not use the data source variable"
        if not text_of(picker.get("query")).startswith("label_values("):
            yield f"variable {name} has no query of label values"
        if picker.get("refresh") != 2:
            yield f"variable {name} is not read again when the time range changes"
        if picker.get("label", "") == "":
            yield f"variable {name} has no label"


def query(expression):
    """Yields the violations of a query."""
    if expression.count("(") != expression.count(")"):
        yield "its parentheses do not match"
    for found in SELECTOR.finditer(expression):
        metric, matchers, window = found.groups()
        for label in ("job", "instance"):
            if not re.search(rf'(^|,)\s*{label}=~"\${label}"', matchers):
                yield f'{metric} has no matcher {label}=~"${label}"'
        call = CALL.search(expression[: found.start()])
        function = call and call[1]
        is_rate = function in RATES
        if window is None and COUNTER.search(metric):
            yield f"{metric} is a counter without a rate"
        if window is not None and window not in RANGES:
            yield f"{metric}[{window}] should have the range $__rate_interval"
        if is_rate and not COUNTER.search(metric):
            yield f"{function} of {metric}, which is no counter"
        if function in ("rate", "irate") and window != "$__rate_interval":
            yield f"{function} of {metric} should have the range $__rate_interval"
    rest = SELECTOR.sub(" ", LISTS.sub(" ", expression))
    for word in WORD.findall(rest):
        if word.lower() not in OPERATORS and "_" in word:
            yield f"{word} has no matchers"


def panels(dashboard):
    """Yields the violations of the panels."""
    seen = set()
    for panel in dashboard.get("panels", []):
        if panel["type"] == "row":
            continue
        title = panel.get("title") or f"{panel.get('id')}"
        if not panel.get("title"):
            yield f"panel {title}: there is no title"
        if not panel.get("description"):
            yield f"panel {title}: there is no description"
        if panel.get("id") in seen:
            yield f"panel {title}: another panel has its id"
        seen.add(panel.get("id"))
        if not panel.get("fieldConfig", {}).get("defaults", {}).get("unit"):
            yield f"panel {title}: there is no unit"
        targets = panel.get("targets", [])
        if not targets:
            yield f"panel {title}: there is no query"
        for part in [panel, *targets]:
            if part.get("datasource", {}).get("uid") != "${datasource}":
                yield f"panel {title}: the data source is not the variable's"
        for target in targets:
            for violation in query(target.get("expr", "")):
                yield f"panel {title}, query {target.get('refId')}: {violation}"


def violations(dashboard):
    """Yields all violations of a dashboard."""
    if dashboard.get("editable") is not False:
        yield "the dashboard is editable: changes in Grafana would be lost"
    yield from variables(dashboard)
    yield from panels(dashboard)


def main(files):
    if not files:
        sys.exit(__doc__)
    failed = False
    for file in files:
        with open(file, encoding="utf-8") as opened:
            for violation in violations(json.load(opened)):
                print(f"{file}: {violation}")
                failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main(sys.argv[1:])
