#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A fleet in a box: exporters of recorded volumes that change each second, Prometheus and VictoriaMetrics.

    fleet.py [--hosts N] [--volumes N] [--hurry] [--nhcb] [--minutes N]

Needs no kernel and no root. dmpstat, prometheus, promtool, victoria-metrics, vmalert and alertmanager (or
prometheus-alertmanager) come from PATH. One volume's disk hangs, and one becomes slow. The status is 0 if

- exactly the alerts of these two volumes fire, in Prometheus, vmalert and Alertmanager;
- each query of dashboard.json has a result in Prometheus and in VictoriaMetrics;
- quantiles, counts, resets and times of creation equal those in the volumes' files;
- promtool finds no fault in any form of the metrics, and its tests of the rules succeed.

This takes 25 minutes, because DmpVolumeSlow waits for 15. --hurry waits for one minute instead. --nhcb lets
Prometheus 3 convert histograms, with rules-nhcb.yml and without VictoriaMetrics. The last lines are a table of what
was measured.
"""

import argparse
import json
import math
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
RECORDED = HERE.parent / "tests/snapshots/7.3/latency"
SCRAPE = 15
# The time limit of a query, in seconds: the machine may be busy.
PATIENCE = 600
NS = 10**9
# Latencies of 20 requests: bound in ns, and count. No compared quantile is at the edge of a bucket.
USUAL = ((131072, 9), (262144, 8), (1048576, 3))
SLOW = ((131072, 9), (262144, 8), (33554432, 3))
# Requests of the volume whose counts are compared, before and after a reset.
BEFORE, AFTER = 5000, 3000
# The metrics of the servers that count samples.
ROWS = {"Prometheus": "prometheus_tsdb_head_samples_appended_total", "VictoriaMetrics": "vm_rows_inserted_total"}
P99 = "instance_name_operation:dmp_request_duration_seconds:p99_rate5m"


class Failed(Exception):
    """A result that is not the expected one."""


def boottime():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def line(operation, twenties, latencies, inflight=0, age=0, bytes_each=4096):
    """Returns the three lines of an operation with so many times twenty requests."""
    counts = [(bound, count * twenties) for bound, count in latencies]
    done = sum(count for _, count in counts)
    received = done + inflight
    took = sum(bound * 3 // 4 * count for bound, count in counts)
    longest = counts[-1][0] * 3 // 4 if done else 0
    sizes = f" {bytes_each}:{received}" if received else ""
    buckets = "".join(f" {bound}:{count}" for bound, count in counts if count)
    return (
        f"{operation} requests {received} bytes {bytes_each * received} errors 0 again 0 inflight {inflight}"
        f" latency_ns {took} latency_max_ns {longest} age_ns {age} rest_ns 0 rest 0\n"
        f"{operation} sizes{sizes}\n{operation} latencies{buckets}\n"
    )


class Volume:
    """A volume of a made-up machine, from a recorded file."""

    # The lines before the operations, and those after the writes.
    head, _, rest = RECORDED.read_text().partition("read requests")
    rest = rest[rest.index("discard requests") :]
    # The only flush goes: a volume without one has the documented number of series.
    rest = re.sub(r"flush requests.*\nflush sizes.*\nflush latencies.*\n", line("flush", 0, USUAL), rest)

    def __init__(self, host, number):
        self.name = f"vg{number % 4}-v{number:03}"
        self.device = f"dm-{number}"
        self.directory = host / "sys/module/dmp/stat" / self.device
        self.latencies = USUAL
        self.hung = None
        self.twenties = None
        self.since = boottime()
        self.directory.mkdir(parents=True)
        (self.directory / "volumes").touch()
        attributes = host / "sys/block" / self.device / "dm"
        attributes.mkdir(parents=True)
        uuid = "LVM-" + f"{number:064}"
        (attributes / "name").write_text(self.name + "\n")
        (attributes / "uuid").write_text(uuid + "\n")
        (host / f"sys/class/block/{self.device}/slaves/sd{'abcd'[number % 4]}").mkdir(parents=True)
        numbers = host / "sys/dev/block"
        numbers.mkdir(parents=True, exist_ok=True)
        (numbers / f"253:{number}").symlink_to(f"../../devices/virtual/block/{self.device}")
        self.mount = f"{number + 30} 1 253:{number} / /srv/{self.name} rw - ext4 /dev/mapper/{self.name} rw\n"
        head = self.head.replace("dm-0", self.device).replace("vg-data", self.name)
        self.head = re.sub(r"uuid .*", f"uuid {uuid}", head)

    def write(self):
        """Writes the counters of this moment."""
        now = boottime()
        counted = now if self.hung is None else self.hung
        # Some volumes have more requests than others.
        pace = 1 + int(self.device[3:]) % 3
        twenties = int((counted - self.since) * pace) if self.twenties is None else self.twenties
        inflight, age = 0, 0
        if self.hung is not None:
            inflight, age = 4, int(4 * (now - self.hung) * NS)
        head = re.sub(r"since .*", f"since {int(self.since * NS)}", self.head, count=1)
        head = re.sub(r"taken .*", f"taken {int(now * NS)}", head, count=1)
        head = re.sub(r"latency_since .*", f"latency_since {int(self.since * NS)}", head, count=1)
        reads = line("read", twenties, self.latencies, inflight, age)
        text = head + reads + line("write", twenties // 2, USUAL) + self.rest
        new = self.directory / "new"
        new.write_text(text)
        new.rename(self.directory / "snapshot")


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def get(url, data=None, timeout=PATIENCE, **parameters):
    """Returns the answer of a server."""
    if parameters:
        url += "?" + urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(url, data=data, timeout=timeout) as answer:
        return answer.read().decode()


def fill(query):
    """Fills in Grafana's variables: all values."""
    for name, value in {
        "$__rate_interval": "1m",
        "$__range": "5m",
        "$job": ".+",
        "$instance": ".+",
        "$group": ".*",
        "$name": ".+",
    }.items():
        query = query.replace(name, value)
    return query


class Fleet:
    def __init__(self, options, work):
        self.options = options
        self.work = work
        self.processes = {}
        self.notes = []
        self.failures = []
        self.hosts = [work / f"host-{number:02}" for number in range(options.hosts)]
        self.volumes = [[Volume(host, number) for number in range(options.volumes)] for host in self.hosts]
        for host, volumes in zip(self.hosts, self.volumes):
            mounts = host / "proc/1/mountinfo"
            mounts.parent.mkdir(parents=True)
            mounts.write_text("".join(volume.mount for volume in volumes))
            conf = host / "etc/dmp/attach.conf"
            conf.parent.mkdir(parents=True)
            conf.write_text("vg?/*\n")
        # The volumes of interest are on the last hosts, and the compared one on the first.
        self.compared = self.volumes[0][0]
        self.compared.twenties = BEFORE // 20
        self.hung_host, self.slow_host = len(self.hosts) - 1, len(self.hosts) - 2
        self.hung, self.slow = self.volumes[self.hung_host][0], self.volumes[self.slow_host][1]
        self.slow.latencies = SLOW

    def say(self, text):
        print(f"fleet: {text}", file=sys.stderr, flush=True)

    def check(self, what, theirs, ours, agrees=None):
        agrees = theirs == ours if agrees is None else agrees
        print(f"{what:<56} {theirs!s:>24} {ours!s:>28}  {'agrees' if agrees else 'DIFFERS'}", flush=True)
        if not agrees:
            self.failures.append(what)

    # --- processes

    def start(self, name, *command, **environment):
        with open(self.work / f"{name}.log", "wb") as log:
            self.processes[name] = subprocess.Popen(
                [str(word) for word in command],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **environment},
            )

    def stop(self):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def log(self, name):
        return (self.work / f"{name}.log").read_text(errors="replace")[-2000:]

    def wait_for(self, name, url):
        """Waits until a server answers, while the volumes change."""
        for _ in range(1200):
            if self.processes[name].poll() is not None:
                raise Failed(f"{name} ended:\n{self.log(name)}")
            try:
                get(url)
                return
            except (OSError, urllib.error.URLError):
                self.tick()
                time.sleep(0.5)
        raise Failed(f"{name} does not answer:\n{self.log(name)}")

    def tick(self):
        """Writes all volumes, at most once a second."""
        now = time.monotonic()
        if now - getattr(self, "ticked", 0) < 1:
            return
        self.ticked = now
        for volumes in self.volumes:
            for volume in volumes:
                volume.write()

    def sleep(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.tick()
            for name, process in self.processes.items():
                if process.poll() is not None:
                    raise Failed(f"{name} ended:\n{self.log(name)}")
            time.sleep(0.2)

    def backfill(self):
        """Returns last week's percentiles of a host, as lines without and with the time in ms."""
        now = int(time.time())
        for volume in self.volumes[self.slow_host]:
            for operation in ("read", "write"):
                labels = f'job="dmp",instance="{self.hosts[self.slow_host].name}",name="{volume.name}"'
                for at in range(now - 169 * 3600, now - 166 * 3600, 300):
                    yield f'{P99}{{{labels},operation="{operation}"}}', 0.001, at

    def start_all(self):
        options = self.options
        self.tick()
        exporters = []
        for host in self.hosts:
            port = free_port()
            exporters.append(port)
            # One host has the times of creation, which are compared below.
            created = ["--created"] if host == self.hosts[0] else []
            command = ["dmpstat", "export", "--listen", port, *created]
            self.start(host.name, *command, DMPSTAT_ROOT=str(host))
        for host, port in zip(self.hosts, exporters):
            self.wait_for(host.name, f"http://127.0.0.1:{port}/-/healthy")
        self.exporters = exporters

        rules = self.work / "rules"
        rules.mkdir()
        for file in ("rules-nhcb.yml" if options.nhcb else "rules.yml", "alerts.yml"):
            text = (HERE / file).read_text()
            if options.hurry:
                text = text.replace("for: 15m", "for: 1m")
            (rules / file).write_text(text)

        alertmanager = free_port()
        (self.work / "alertmanager.yml").write_text(
            "route: {receiver: none, group_wait: 1s}\nreceivers: [{name: none}]\n"
        )
        self.start(
            "alertmanager",
            shutil.which("alertmanager") or "prometheus-alertmanager",
            f"--config.file={self.work}/alertmanager.yml",
            f"--storage.path={self.work}/alertmanager",
            f"--web.listen-address=127.0.0.1:{alertmanager}",
            "--cluster.listen-address=",
        )
        self.alertmanager = f"http://127.0.0.1:{alertmanager}"
        self.wait_for("alertmanager", self.alertmanager + "/-/healthy")

        self.victoria = None
        if not options.nhcb:
            self.start_victoria(rules, alertmanager)

        scrapes = [
            {"targets": [f"127.0.0.1:{port}"], "labels": {"instance": host.name}}
            for host, port in zip(self.hosts, exporters)
        ]
        job = {"job_name": "dmp", "scrape_interval": f"{SCRAPE}s", "static_configs": scrapes}
        if options.nhcb:
            job["convert_classic_histograms_to_nhcb"] = True
        configuration = {
            "global": {"evaluation_interval": "15s"},
            "rule_files": [f"{rules}/*.yml"],
            "scrape_configs": [job],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]},
        }
        if self.victoria:
            # vmalert records the same series.
            drop = {"source_labels": ["__name__"], "regex": "instance_.*|ALERTS.*", "action": "drop"}
            configuration["remote_write"] = [{"url": self.victoria + "/api/v1/write", "write_relabel_configs": [drop]}]
        # JSON is YAML.
        file = self.work / "prometheus.yml"
        file.write_text(json.dumps(configuration))
        subprocess.run(["promtool", "check", "config", str(file)], check=True, stdout=subprocess.DEVNULL)
        self.prometheus = self.start_prometheus(file)

    def start_prometheus(self, file):
        history = self.work / "history"
        with open(history, "w", encoding="utf-8") as out:
            for series, value, at in self.backfill():
                out.write(f"{series} {value} {at}\n")
            out.write("# EOF\n")
        data = self.work / "prometheus"
        command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(history), str(data)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        port = free_port()
        self.start(
            "prometheus",
            "prometheus",
            f"--config.file={file}",
            f"--storage.tsdb.path={data}",
            "--storage.tsdb.retention.time=30d",
            f"--query.timeout={PATIENCE}s",
            f"--web.listen-address=127.0.0.1:{port}",
            *(["--enable-feature=native-histograms"] if self.options.nhcb else []),
        )
        url = f"http://127.0.0.1:{port}"
        self.wait_for("prometheus", url + "/-/ready")
        return url

    def start_victoria(self, rules, alertmanager):
        port, vmalert = free_port(), free_port()
        self.victoria = f"http://127.0.0.1:{port}"
        self.start(
            "victoria-metrics",
            "victoria-metrics",
            f"-storageDataPath={self.work}/victoria",
            "-retentionPeriod=30d",
            f"-search.maxQueryDuration={PATIENCE}s",
            f"-httpListenAddr=127.0.0.1:{port}",
        )
        self.wait_for("victoria-metrics", self.victoria + "/health")
        lines = "".join(f"{series} {value} {at}000\n" for series, value, at in self.backfill())
        get(self.victoria + "/api/v1/import/prometheus", data=lines.encode())
        self.vmalert = f"http://127.0.0.1:{vmalert}"
        self.start(
            "vmalert",
            "vmalert",
            f"-rule={rules}/*.yml",
            f"-datasource.url={self.victoria}",
            f"-remoteWrite.url={self.victoria}",
            f"-notifier.url=http://127.0.0.1:{alertmanager}",
            f"-httpListenAddr=127.0.0.1:{vmalert}",
        )
        self.wait_for("vmalert", self.vmalert + "/health")

    # --- queries

    def query(self, server, expression):
        """Returns the series of an instant query, as pairs of labels and value."""
        answer = json.loads(get(server + "/api/v1/query", query=expression))
        return [(of["metric"], float(of["value"][1])) for of in answer["data"]["result"] if "value" in of]

    def value(self, server, expression):
        """Returns the value of an expression with one series."""
        result = self.query(server, expression)
        if len(result) != 1:
            raise Failed(f"{expression}: {len(result)} series instead of one")
        return result[0][1]

    def scraped(self, url):
        """Waits until all exporters were scraped after this call."""
        now = time.time()
        for _ in range(60):
            fresh = f'count(timestamp(up{{job="dmp"}}) and up{{job="dmp"}} == 1 and timestamp(up{{job="dmp"}}) > {now})'
            result = self.query(url, fresh)
            if result and result[0][1] == len(self.hosts):
                return
            self.sleep(2)
        raise Failed("Prometheus does not scrape all exporters")

    def metrics(self, url):
        """Returns the sums of a server's own metrics by their names."""
        sums = {}
        for metric in re.finditer(r"^([a-z_]+)(?:\{[^}]*\})? ([0-9.e+-]+)$", get(url + "/metrics"), re.M):
            sums[metric[1]] = sums.get(metric[1], 0) + float(metric[2])
        return sums

    # --- checks

    def check_rules(self):
        """Lets promtool test the rules and alerts."""
        for file in ("tests.yml", "week.yml"):
            tested = subprocess.run(["promtool", "test", "rules", str(HERE / file)], capture_output=True, check=False)
            said = (tested.stdout + tested.stderr).decode()
            self.check(f"promtool test rules {file}", tested.returncode, 0)
            if tested.returncode:
                self.say(said)

    def check_forms(self):
        """Lets promtool check all forms of the metrics."""
        forms = [["--buckets", buckets, *more] for buckets in "0128" for more in ([], ["--operations", "read,write"])]
        for form in [[], ["--full"], *forms]:
            environment = {**os.environ, "DMPSTAT_ROOT": str(self.hosts[0])}
            command = ["dmpstat", "export", *form, "vg0/*"]
            text = subprocess.run(command, check=True, env=environment, capture_output=True).stdout
            checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
            said = (checked.stdout + checked.stderr).decode().strip()
            self.check(f"promtool check metrics, {' '.join(form) or 'default'}", said, "", said == "")

    def check_counts(self):
        """Compares a volume's counts before and after a reset with those in its file."""
        self.scraped(self.prometheus)
        self.compared.since = boottime()
        began = time.time()
        self.compared.twenties = AFTER // 20
        self.ticked = 0
        self.tick()
        self.scraped(self.prometheus)
        # VictoriaMetrics answers with values that are half a minute old, and Prometheus extrapolates an increase by
        # an interval at most.
        self.sleep(10 * SCRAPE)
        labels = f'instance="{self.hosts[0].name}",name="{self.compared.name}",operation="read"'
        servers = {"Prometheus": self.prometheus}
        if self.victoria:
            servers["VictoriaMetrics"] = self.victoria
        for name, url in servers.items():
            if self.options.nhcb:
                count = f"histogram_count(dmp_request_size_bytes{{{labels}}})"
                size = f"histogram_sum(dmp_request_size_bytes{{{labels}}})"
                buckets = f"dmp_request_duration_seconds{{{labels}}}"
                resets = f"resets(dmp_request_size_bytes{{{labels}}}[10m])"
                increase = f"histogram_count(increase(dmp_request_size_bytes{{{labels}}}[10m]))"
            else:
                count, size = (f"dmp_request_size_bytes_{part}{{{labels}}}" for part in ("count", "sum"))
                buckets = f"dmp_request_duration_seconds_bucket{{{labels}}}"
                resets, increase = f"resets({count}[10m])", f"increase({count}[10m])"
            # A busy VictoriaMetrics gets its samples minutes later.
            for _ in range(120):
                if [value for _, value in self.query(url, count)] == [AFTER]:
                    break
                self.sleep(5)
            self.check(f"{name}: reads", self.value(url, count), float(AFTER))
            self.check(f"{name}: bytes read", self.value(url, size), float(AFTER * 4096))
            for quantile in (0.5, 0.9, 0.99, 0.999):
                lower, upper = self.bucket(quantile)
                for which, histogram in {"": buckets, " of a rate": f"rate({buckets}[10m])"}.items():
                    theirs = NS * self.value(url, f"histogram_quantile({quantile}, {histogram})")
                    agrees = lower * (1 - 1e-9) <= theirs <= upper * (1 + 1e-9)
                    self.check(f"{name}: quantile {quantile}{which}, ns", theirs, f"{lower} to {upper}", agrees)
            self.check(f"{name}: resets", self.value(url, resets), 1.0)
            theirs = self.value(url, increase)
            agrees = AFTER * (1 - 1e-9) <= theirs <= 1.2 * AFTER
            self.check(f"{name}: increase over the reset", theirs, f"{AFTER} to {1.2 * AFTER}", agrees)
            if self.options.nhcb:
                # Prometheus 3.5 stores no times of creation then.
                continue
            theirs = self.value(url, f"max(dmp_request_errors_created{{{labels}}})")
            self.check(f"{name}: counting began", theirs, f"{began:.1f}", abs(theirs - began) < 2)

    def bucket(self, quantile):
        """Returns the bounds of the module's bucket with a quantile, in ns."""
        below, everything = 0, sum(count for _, count in USUAL)
        for bound, count in USUAL:
            below += count
            if below >= quantile * everything:
                return bound // 2, bound
        raise AssertionError

    def check_panels(self):
        """Runs each query of the dashboard."""
        panels = json.loads((HERE / "dashboard.json").read_text())["panels"]
        for name, url in {"Prometheus": self.prometheus, "VictoriaMetrics": self.victoria}.items():
            times = []
            for panel in panels:
                for target in panel["targets"]:
                    begin = time.monotonic()
                    series = self.run(url, fill(target["expr"]), target["instant"])
                    times.append(time.monotonic() - begin)
                    what = f"{name}: panel {panel['title']} {target['refId']}"
                    self.check(what, f"{series} series", "1 or more", series > 0)
            text = f"{statistics.median(times):.3f} s, {max(times):.3f} s"
            self.notes.append((f"{name}: a panel's query, median and maximum", text))

    def run(self, url, expression, instant):
        """Returns the number of series with a finite value."""
        now = time.time()
        if instant:
            return sum(math.isfinite(value) for _, value in self.query(url, expression))
        answer = get(url + "/api/v1/query_range", query=expression, start=now - 300, end=now - 45, step=SCRAPE)
        result = json.loads(answer)["data"]["result"]
        return sum(any(math.isfinite(float(value)) for _, value in of["values"]) for of in result)

    def firing(self):
        """Returns the firing alerts of each program."""

        def labels(alert):
            of = alert["labels"]
            return " ".join(of[label] for label in ("alertname", "instance", "name", "operation") if label in of)

        servers = {"Prometheus": self.prometheus}
        if self.victoria:
            servers["vmalert"] = self.vmalert
        all_firing = {}
        for name, url in servers.items():
            alerts = json.loads(get(url + "/api/v1/alerts"))["data"]["alerts"]
            all_firing[name] = {labels(alert) for alert in alerts if alert["state"] == "firing"}
        alerts = json.loads(get(self.alertmanager + "/api/v2/alerts"))
        all_firing["Alertmanager"] = {labels(alert) for alert in alerts}
        return all_firing

    def check_alerts(self, deadline):
        hung, slow = self.hosts[self.hung_host].name, self.hosts[self.slow_host].name
        expected = {f"DmpVolumeHung {hung} {self.hung.name}", f"DmpVolumeSlow {slow} {self.slow.name} read"}
        began = time.monotonic()
        seen = {}
        while time.monotonic() < deadline:
            all_firing = self.firing()
            for name, alerts in all_firing.items():
                for alert in alerts - seen.setdefault(name, set()):
                    self.say(f"{name}: {alert}, after {time.monotonic() - began:.0f} s")
                seen[name] |= alerts
            if all(alerts >= expected for alerts in all_firing.values()):
                break
            self.sleep(5)
        # Another alert would come within two evaluations.
        self.sleep(120)
        for name, alerts in self.firing().items():
            seen[name] |= alerts
        for name, alerts in seen.items():
            self.check(f"{name}: alerts", ", ".join(sorted(alerts)), ", ".join(sorted(expected)), alerts == expected)

    def measure(self, before, seconds):
        """Notes the costs of the last seconds."""
        note = lambda what, text: self.notes.append((what, text))
        volumes = self.options.hosts * self.options.volumes
        for name, url in {"Prometheus": self.prometheus, "VictoriaMetrics": self.victoria}.items():
            if not url:
                continue
            after = self.metrics(url)
            cpu = (after["process_cpu_seconds_total"] - before[name]["process_cpu_seconds_total"]) / seconds
            note(f"{name}: processors, memory", f"{cpu:.2f}, {after['process_resident_memory_bytes'] / 2**20:.0f} MiB")
            rows = ROWS[name]
            note(f"{name}: samples a second", f"{(after[rows] - before[name][rows]) / seconds:.0f}")
        # The times of creation are not part of the default.
        series = self.value(self.prometheus, 'count({job="dmp",name!="",__name__=~"dmp_.*",__name__!~".*_created"})')
        note("series of all volumes, and of each", f"{series:.0f}, {series / volumes:g}")
        note("Prometheus: series in the head", f"{self.metrics(self.prometheus)['prometheus_tsdb_head_series']:.0f}")
        scrape = self.value(self.prometheus, 'avg(avg_over_time(scrape_duration_seconds{job="dmp"}[5m]))')
        note("a scrape of a host", f"{scrape:.3f} s")
        groups = json.loads(get(self.prometheus + "/api/v1/rules"))["data"]["groups"]
        for group in groups:
            note(f"Prometheus: an evaluation of {group['name']}", f"{group['evaluationTime']:.3f} s")
        size = lambda path: sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        note("Prometheus: bytes on disk", f"{size(self.work / 'prometheus') / 2**20:.0f} MiB")
        if self.victoria:
            note("VictoriaMetrics: bytes on disk", f"{size(self.work / 'victoria') / 2**20:.0f} MiB")

    def all(self):
        options = self.options
        deadline = time.monotonic() + 60 * options.minutes
        self.say(f"{options.hosts} hosts with {options.volumes} volumes each, in {self.work}")
        self.check_rules()
        self.start_all()
        servers = {"Prometheus": self.prometheus, "VictoriaMetrics": self.victoria}
        self.check_forms()
        self.scraped(self.prometheus)
        self.say("all exporters are scraped")
        before = {name: self.metrics(url) for name, url in servers.items() if url}
        began = time.monotonic()
        self.check_counts()
        self.hung.hung = boottime()
        self.say("one volume hangs, and one is slow")
        self.check_alerts(deadline)
        self.measure(before, time.monotonic() - began)
        if not options.nhcb:
            self.check_panels()
        print("\n| measured | |\n| --- | ---: |")
        for what, text in self.notes:
            print(f"| {what} | {text} |")
        if self.failures:
            raise Failed("wrong: " + ", ".join(self.failures))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=30)
    parser.add_argument("--volumes", type=int, default=100)
    parser.add_argument("--minutes", type=int, default=40, help="fail after this time")
    parser.add_argument("--hurry", action="store_true")
    parser.add_argument("--nhcb", action="store_true")
    options = parser.parse_args()
    if options.hosts < 3 or options.volumes < 4:
        parser.error("expected at least 3 hosts and 4 volumes")
    # Thousands of files change each second.
    shm = Path("/dev/shm")
    place = shm if os.access(shm, os.W_OK) else None
    # The servers end with this program.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("fleet: terminated"))
    with tempfile.TemporaryDirectory(prefix="dmp-fleet-", dir=place) as work:
        fleet = Fleet(options, Path(work))
        try:
            fleet.all()
        except Failed as failed:
            sys.exit(f"fleet: {failed}")
        finally:
            fleet.stop()


if __name__ == "__main__":
    main()
