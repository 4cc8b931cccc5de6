#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Writes dashboard.json, for Grafana 10 or later.

    dashboard.py            # writes the file
    dashboard.py --check    # fails if the file differs
"""

import json
import sys
from pathlib import Path

FILE = Path(__file__).with_name("dashboard.json")
SOURCE = {"type": "prometheus", "uid": "${datasource}"}

HOSTS = 'job=~"$job", instance=~"$instance"'
VOLUMES = f'{HOSTS}, name=~"$name"'
# Only dmp_volume_info has the group.
OF_GROUP = f'and on (job, instance, name) dmp_volume_info{{{VOLUMES}, vg_name=~"$group"}}'


def rate(metric, function="rate"):
    """Returns the rates of a counter of the picked volumes."""
    return f"({function}({metric}{{{VOLUMES}}}[$__rate_interval]) {OF_GROUP})"


def gauge(metric):
    """Returns a gauge of the picked volumes."""
    return f"({metric}{{{VOLUMES}}} {OF_GROUP})"


def count(expression):
    """Counts series. An empty result is no error, but zero."""
    return f"count({expression}) or vector(0)"


def quantile(quantile, by):
    buckets = rate("dmp_request_duration_seconds_bucket")
    return f"histogram_quantile({quantile}, sum by ({by}, le) {buckets})"


BY_VOLUME = "job, instance, name"
MEAN = (
    f"sum by (operation) {rate('dmp_request_duration_seconds_sum')}"
    f" / sum by (operation) {rate('dmp_request_duration_seconds_count')}"
)
VOLUME = "{{instance}} {{name}}"
OPERATION = "{{operation}}"

# Each panel is (width, kind, title, unit, description, {legend: query}).
PANELS = [
    (4, "stat", "Volumes", "none", "Volumes that dmp counts.", {"": f"count({gauge('dmp_volume_latency_enabled')})"}),
    (5, "stat", "Exporters down", "none", "Exporters that Prometheus cannot scrape.",
     {"": count(f"up{{{HOSTS}}} == 0")}),
    (5, "stat", "Listed, not attached", "none", "Volumes of attach.conf that exist and are not counted.",
     {"": count(f"dmp_volume_attach_info{{{VOLUMES}}} unless on ({BY_VOLUME}) dmp_volume_info{{{VOLUMES}}}")}),
    (5, "stat", "Latency off", "none", "Volumes that do not measure latency, so that the panels of latency lack them.",
     {"": count(f"{gauge('dmp_volume_latency_enabled')} == 0")}),
    (5, "stat", "Failed requests", "none", "Requests that failed in the dashboard's time range.",
     {"": f"sum(increase(dmp_request_errors_total{{{VOLUMES}}}[$__range]) {OF_GROUP})"}),
    (12, "timeseries", "Requests", "reqps",
     "Requests received a second. A request that passes stacked volumes counts in each.",
     {OPERATION: f"sum by (operation) {rate('dmp_request_size_bytes_count')}"}),
    (12, "timeseries", "Throughput", "Bps", "Bytes of requests received a second.",
     {OPERATION: f"sum by (operation) {rate('dmp_request_size_bytes_sum')}"}),
    (12, "heatmap", "Latency", "s", "Requests completed in each interval, by latency. All operations.",
     {"{{le}}": f"sum by (le) {rate('dmp_request_duration_seconds_bucket', 'increase')}"}),
    (12, "heatmap", "Size", "bytes", "Reads and writes received in each interval, by size.",
     {"{{le}}": "sum by (le) " + rate("dmp_request_size_bytes_bucket", "increase")
      .replace(VOLUMES, f'{VOLUMES}, operation=~"read|write"', 1)}),
    (12, "timeseries", "Latency of operations", "s",
     "Percentiles are exact at the bounds of buckets, which are powers of two.",
     {f"p50 {OPERATION}": quantile(0.5, "operation"), f"p99 {OPERATION}": quantile(0.99, "operation"),
      f"mean {OPERATION}": MEAN}),
    (12, "timeseries", "Slowest volumes", "s", "The ten volumes with the highest 99th percentile of latency.",
     {VOLUME: f"topk(10, {quantile(0.99, BY_VOLUME)})"}),
    (12, "timeseries", "Busiest volumes", "reqps", "The ten volumes with the most requests received a second.",
     {VOLUME: f"topk(10, sum by ({BY_VOLUME}) {rate('dmp_request_size_bytes_count')})"}),
    (12, "timeseries", "Throughput of groups", "Bps",
     "Bytes received a second by the volumes of each group. A request that passes stacked volumes counts in the "
     "lowest one alone.",
     {"{{vg_name}}": f"sum by (vg_name) (rate(dmp_request_size_bytes_sum{{{VOLUMES}}}[$__rate_interval])"
      f" * on ({BY_VOLUME}) group_left (vg_name) dmp_volume_info{{{VOLUMES}, vg_name=~\"$group\", stacked_on=\"\"}})"}),
    (12, "timeseries", "Errors", "reqps", "Requests failed a second. Retried requests are no errors.",
     {f"{VOLUME} {OPERATION}": f"sum by ({BY_VOLUME}, operation) {rate('dmp_request_errors_total')}"}),
    (12, "timeseries", "In flight", "none", "Requests in flight, where latency is measured.",
     {OPERATION: f"sum by (operation) {gauge('dmp_inflight_requests')}"}),
    (12, "timeseries", "Oldest in flight", "s",
     "The ten volumes whose requests in flight have the highest mean age. The age of a hung volume rises a second a "
     "second.",
     {VOLUME: f"topk(10, sum by ({BY_VOLUME}) {gauge('dmp_inflight_age_seconds')}"
      f" / clamp_min(sum by ({BY_VOLUME}) {gauge('dmp_inflight_requests')}, 1))"}),
]


def panel(number, place, described):
    width, kind, title, unit, description, queries = described
    targets = [
        {
            "refId": chr(ord("A") + at),
            "datasource": SOURCE,
            "expr": query,
            "legendFormat": legend or title,
            "format": "heatmap" if kind == "heatmap" else "time_series",
            "instant": kind == "stat",
            "range": kind != "stat",
        }
        for at, (legend, query) in enumerate(queries.items())
    ]
    options = {
        "stat": {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}},
        "heatmap": {"calculate": False, "yAxis": {"unit": unit}, "color": {"mode": "scheme", "scheme": "Oranges"}},
        "timeseries": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
    }
    return {
        "id": number,
        "type": kind,
        "title": title,
        "description": description,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "options": options[kind],
        "targets": targets,
    }


def panels():
    """Places the panels in rows of 24 columns."""
    placed, x, y, height = [], 0, 0, 0
    for number, described in enumerate(PANELS, 1):
        width, kind = described[:2]
        if x + width > 24:
            x, y = 0, y + height
        height = 4 if kind == "stat" else 8
        placed.append(panel(number, {"x": x, "y": y, "w": width, "h": height}, described))
        x += width
    return placed


def variable(name, label, selector, of, all_value):
    """Makes a picker of the values of a label."""
    query = f"label_values({selector}, {of})"
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "definition": query,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": all_value,
        "current": {"text": "All", "value": "$__all"},
    }


def dashboard():
    """Makes the dashboard."""
    return {
        "title": "dmp volumes",
        "uid": "dmp-volumes",
        "description": "Requests, latencies and errors of device-mapper volumes, from dmpstat export.",
        "tags": ["dmp"],
        "editable": False,
        "schemaVersion": 39,
        "timezone": "utc",
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "1m",
        "graphTooltip": 1,
        "annotations": {"list": []},
        "templating": {
            "list": [
                {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
                variable("job", "Job", "dmp_volume_info", "job", ".+"),
                variable("instance", "Instance", 'dmp_volume_info{job=~"$job"}', "instance", ".+"),
                # A volume outside LVM has no group.
                variable("group", "Volume group", f"dmp_volume_info{{{HOSTS}}}", "vg_name", ".*"),
                variable("name", "Volume", f'dmp_volume_info{{{HOSTS}, vg_name=~"$group"}}', "name", ".+"),
            ]
        },
        "panels": panels(),
    }


def main():
    text = json.dumps(dashboard(), indent=2) + "\n"
    if sys.argv[1:] == ["--check"]:
        if FILE.read_text() != text:
            sys.exit("dashboard.json differs from dashboard.py: run dashboard.py")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        FILE.write_text(text)


if __name__ == "__main__":
    main()
