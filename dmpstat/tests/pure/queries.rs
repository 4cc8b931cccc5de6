// SPDX-License-Identifier: GPL-2.0

//! The queries of docs/src/reference/prometheus.md, and the rules and alerts. `promtool test rules` tests their
//! results. The tests here check that promtool's files have the same queries, and each alert.

use std::fs;

fn file(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Returns the text with its lines trimmed.
fn flat(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.join("\n")
}

/// Returns the expressions in a rule test file of promtool's.
fn expressions(rules: &str) -> Vec<String> {
    let tests = rules.split("- expr: ").skip(1);
    let expression = |test: &str| {
        let (expression, _) = test.split_once("\n        eval_time:").unwrap();
        flat(expression.trim_start_matches("|-\n"))
    };
    tests.map(expression).collect()
}

#[test]
fn promtool_tests_the_queries_of_the_page() {
    let page = flat(&file("../docs/src/reference/prometheus.md"));
    let expressions = expressions(&file("prometheus/tests.yml"));
    let recorded = |expression: &String| expression.starts_with("'instance_");
    let (recorded, expressions): (Vec<String>, Vec<String>) =
        expressions.into_iter().partition(recorded);
    assert_eq!((expressions.len(), recorded.len()), (11, 7));
    for expression in expressions {
        assert!(page.contains(&format!("\n{expression}\n")), "{expression}");
    }
}

/// The files of rules and of their tests.
const RULES: [&str; 5] = [
    "prometheus/rules.yml",
    "prometheus/rules-nhcb.yml",
    "prometheus/alerts.yml",
    "prometheus/tests.yml",
    "prometheus/week.yml",
];

/// Returns the values of a key in a file of rules or tests.
fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let lines = text.lines().map(|line| line.trim_start_matches([' ', '-']));
    let values = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
    values.collect()
}

#[test]
fn both_files_of_rules_record_the_series_of_the_page() {
    let page = file("../docs/src/reference/alerts.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows = rows.filter_map(|row| Some(row.split_once('`')?.0));
    let rows: Vec<&str> = rows.filter(|row| row.contains(':')).collect();
    for rules in &RULES[..2] {
        assert_eq!(values(&file(rules), "record"), rows, "{rules}");
    }
}

#[test]
fn each_alert_has_a_section_and_a_firing_and_a_silent_case() {
    let rules = file("prometheus/alerts.yml");
    let page = file("../docs/src/reference/alerts.md");
    let tests = file("prometheus/tests.yml") + &file("prometheus/week.yml");
    let sections = page.lines().filter_map(|line| line.strip_prefix("## "));
    let sections: Vec<&str> = sections.filter(|name| name.starts_with("Dmp")).collect();
    let alerts = values(&rules, "alert");
    assert_eq!(alerts, sections);
    for key in ["severity", "summary", "description"] {
        assert_eq!(values(&rules, key).len(), alerts.len(), "{key}");
    }
    for (alert, link) in alerts.iter().zip(values(&rules, "page")) {
        assert_eq!(link, format!("docs/src/reference/alerts.md, {alert}"));
        let cases = tests.split("- alertname: ").skip(1);
        let cases = cases.filter_map(|case| case.strip_prefix(alert)?.strip_prefix('\n'));
        let (silent, firing): (Vec<&str>, Vec<&str>) =
            cases.partition(|case| case.contains("exp_alerts: []"));
        assert!(!silent.is_empty() && !firing.is_empty(), "{alert}");
    }
}

/// Returns the names of metrics in a text. Those of rules begin with their level.
fn metrics(text: &str) -> Vec<&str> {
    let words =
        text.split(|letter: char| !letter.is_ascii_alphanumeric() && !"_:".contains(letter));
    let words = words.map(|word| word.trim_end_matches(':'));
    let mut metrics: Vec<&str> = words.filter(|word| word.starts_with("dmp_")).collect();
    metrics.sort_unstable();
    metrics.dedup();
    metrics
}

/// A metric without a line in the page's table was renamed.
#[test]
fn all_metrics_in_documents_are_in_the_table() {
    let page = file("../docs/src/reference/prometheus.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `dmp_"));
    let mut known: Vec<String> = rows
        .filter_map(|row| Some(format!("dmp_{}", row.split_once('`')?.0)))
        .collect();
    assert_eq!(known.len(), 19);
    for histogram in ["dmp_request_duration_seconds", "dmp_request_size_bytes"] {
        known.extend(["_bucket", "_count", "_sum"].map(|part| format!("{histogram}{part}")));
    }
    // OpenMetrics has this series of a counter as well.
    known.push("dmp_request_errors_created".to_owned());
    let rules = RULES.map(file).concat();
    let manual = dmpstat::cli::command()
        .find_subcommand("export")
        .unwrap()
        .get_after_long_help()
        .unwrap()
        .to_string();
    for text in [&page, &rules, &manual] {
        for metric in metrics(text) {
            assert!(known.iter().any(|known| known == metric), "{metric}");
        }
    }
}
