// SPDX-License-Identifier: GPL-2.0

//! The queries of docs/src/reference/prometheus.md. `promtool test rules` tests their results. The tests here
//! check that promtool's file has the same queries.

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
    let expressions = expressions(&file("tests/queries.yml"));
    assert_eq!(expressions.len(), 8);
    for expression in expressions {
        assert!(page.contains(&format!("\n{expression}\n")), "{expression}");
    }
}

/// Returns the names of metrics in a text.
fn metrics(text: &str) -> Vec<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
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
    assert_eq!(known.len(), 17);
    for histogram in ["dmp_request_duration_seconds", "dmp_request_size_bytes"] {
        known.extend(["_bucket", "_count", "_sum"].map(|part| format!("{histogram}{part}")));
    }
    // OpenMetrics has this series of a counter as well.
    known.push("dmp_request_errors_created".to_owned());
    let rules = file("tests/queries.yml");
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
