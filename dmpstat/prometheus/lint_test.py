#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of lint.py. Each case breaks one thing of the real dashboard."""

import copy
import json
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import dashboard  # noqa: E402
import lint  # noqa: E402

ALL = 'job=~"$job", instance=~"$instance"'
COUNTER = f"dmp_request_errors_total{{{ALL}}}"
GAUGE = f"dmp_inflight_requests{{{ALL}}}"


class OfDashboards(unittest.TestCase):
    def setUp(self):
        self.dashboard = copy.deepcopy(dashboard.dashboard())
        self.panel = self.dashboard["panels"][5]

    def violations(self):
        return list(lint.violations(self.dashboard))

    def picker(self, name):
        pickers = self.dashboard["templating"]["list"]
        return next(of for of in pickers if of["name"] == name)

    def test_the_dashboard_has_no_violation(self):
        self.assertEqual(self.violations(), [])

    def test_the_file_is_the_generators(self):
        self.assertEqual(json.loads(dashboard.FILE.read_text()), self.dashboard)

    def test_a_panel_needs_its_texts_and_a_unit(self):
        for key in ("title", "description"):
            panel = self.dashboard["panels"][6]
            del panel[key]
        del self.panel["fieldConfig"]["defaults"]["unit"]
        self.assertEqual(
            self.violations(),
            ["panel Requests: there is no unit", "panel 7: there is no title", "panel 7: there is no description"],
        )

    def test_a_panel_needs_a_query_and_an_id_of_its_own(self):
        self.panel["targets"] = []
        self.panel["id"] = 5
        self.assertEqual(
            self.violations(),
            ["panel Requests: another panel has its id", "panel Requests: there is no query"],
        )

    def test_a_fixed_data_source_is_found(self):
        self.panel["datasource"] = {"type": "prometheus", "uid": "abc"}
        self.panel["targets"][0]["datasource"] = {}
        violation = "panel Requests: the data source is not the variable's"
        self.assertEqual(self.violations(), [violation] * 2)
        self.picker("name")["datasource"] = {"uid": "abc"}
        self.assertEqual(self.violations()[0], "variable name does not use the data source variable")

    def test_variables_are_checked(self):
        self.picker("datasource")["name"] = "source"
        self.picker("job")["allValue"] = None
        self.picker("group")["refresh"] = 1
        self.picker("name")["query"] = "up"
        self.dashboard["templating"]["list"].remove(self.picker("instance"))
        self.assertEqual(
            self.violations(),
            [
                "the dashboard needs one data source variable: name datasource, label Data source",
                "variable job needs several values, and .+ for all",
                "the dashboard has no variable instance",
                "variable group is not read again when the time range changes",
                "variable name has no query of label values",
            ],
        )

    def test_an_editable_dashboard_is_found(self):
        self.dashboard["editable"] = True
        self.assertEqual(self.violations(), ["the dashboard is editable: changes in Grafana would be lost"])

    def test_violations_of_a_query_name_its_panel(self):
        self.panel["targets"][0]["expr"] = GAUGE + ")"
        self.assertEqual(self.violations(), ["panel Requests, query A: its parentheses do not match"])


class OfQueries(unittest.TestCase):
    def check(self, expression, *violations):
        self.assertEqual(list(lint.query(expression)), list(violations), expression)

    def test_valid_queries_pass(self):
        self.check(f"sum by (le) (rate({COUNTER}[$__rate_interval]))")
        self.check(f"increase({COUNTER}[$__range])")
        self.check(f"count({GAUGE} == 0) or vector(0)")
        self.check(f"{GAUGE} and on (job, instance) dmp_volume_info{{{ALL}, vg_name=~\"$group\"}}")

    def test_selectors_need_job_and_instance(self):
        self.check('up{instance=~"$instance"}', 'up has no matcher job=~"$job"')
        self.check('up{job=~"$job"}', 'up has no matcher instance=~"$instance"')
        self.check('up{job="dmp", instance=~"$instance"}', 'up has no matcher job=~"$job"')
        self.check("dmp_volume_info * 2", "dmp_volume_info has no matchers")

    def test_counters_need_a_rate(self):
        self.check(f"sum({COUNTER})", "dmp_request_errors_total is a counter without a rate")
        self.check(f"rate({GAUGE}[$__rate_interval])", "rate of dmp_inflight_requests, which is no counter")

    def test_ranges_are_grafanas(self):
        self.check(
            f"rate({COUNTER}[5m])",
            "dmp_request_errors_total[5m] should have the range $__rate_interval",
            "rate of dmp_request_errors_total should have the range $__rate_interval",
        )
        self.check(
            f"rate({COUNTER}[$__range])",
            "rate of dmp_request_errors_total should have the range $__rate_interval",
        )


if __name__ == "__main__":
    unittest.main()
