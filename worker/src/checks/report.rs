//! DM's report: texts and JSON as scripts and dmctl expect them.

use super::finding::{Finding, Problem, Severity};
use serde::Serialize;

/// Everything is fine; the blank at the end belongs to it.
pub(super) const PASSED: &str = "pre-check is passed. ";
/// dmctl looks for this text to show the report unescaped.
const HEADER: &str = "fail to check synchronization configuration with type";
/// Errors and warnings shown when the caller doesn't say.
const SHOWN_DEFAULT: usize = 10;

#[derive(Serialize)]
struct Document<'a> {
    results: Vec<Entry<'a>>,
    summary: Summary,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: usize,
    name: &'a str,
    desc: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Shown<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    instruction: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    extra: &'a str,
}

#[derive(Serialize)]
struct Shown<'a> {
    severity: &'static str,
    short_error: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    instruction: &'a str,
}

#[derive(Serialize)]
struct Summary {
    passed: bool,
    total: usize,
    successful: usize,
    failed: usize,
    warning: usize,
}

/// Renders what was found. At most `errors` errors and `warnings` warnings are shown (negative: the
/// default); the summary counts all. The flag says whether the task may start.
pub(super) fn render(findings: &[Finding], errors: i64, warnings: i64) -> (bool, String) {
    let count = |severity| {
        findings
            .iter()
            .filter(|finding| finding.severity() == severity)
            .count()
    };
    let summary = Summary {
        passed: count(Severity::Fail) == 0,
        total: findings.len(),
        successful: count(Severity::Success),
        failed: count(Severity::Fail),
        warning: count(Severity::Warn),
    };
    let passed = summary.passed;
    if summary.successful == summary.total {
        return (true, PASSED.to_owned());
    }
    let first = findings
        .iter()
        .flat_map(|finding| &finding.problems)
        .find(|problem| problem.severity == Severity::Fail)
        .map_or("no errors but some warnings", |problem| {
            problem.text.as_str()
        });
    let results = shown(findings, budget(errors), budget(warnings));
    let detail = indented(&Document { results, summary });
    (passed, format!("{HEADER}: {first}\n detail: {detail}"))
}

fn budget(count: i64) -> usize {
    usize::try_from(count).unwrap_or(SHOWN_DEFAULT)
}

fn shown(findings: &[Finding], mut errors: usize, mut warnings: usize) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    for (id, finding) in findings.iter().enumerate() {
        let mut take = |problem: &&Problem| {
            let left = if problem.severity == Severity::Fail {
                &mut errors
            } else {
                &mut warnings
            };
            let room = *left > 0;
            *left = left.saturating_sub(1);
            room
        };
        let problems: Vec<&Problem> = finding.problems.iter().filter(&mut take).collect();
        if problems.is_empty() {
            continue;
        }
        let instruction = problems
            .iter()
            .map(|problem| problem.instruction.as_str())
            .find(|text| !text.is_empty());
        let errors = problems.iter().map(|problem| Shown {
            severity: problem.severity.as_str(),
            short_error: &problem.text,
            instruction: &problem.instruction,
        });
        entries.push(Entry {
            id,
            name: &finding.name,
            desc: finding.desc,
            state: finding.severity().as_str(),
            errors: errors.collect(),
            instruction: instruction.unwrap_or_default(),
            extra: &finding.extra,
        });
    }
    entries
}

/// Indented by tabs, every line after the first behind one more.
fn indented(document: &Document<'_>) -> String {
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    if document.serialize(&mut serializer).is_err() {
        return String::new();
    }
    String::from_utf8_lossy(&text).replace('\n', "\n\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(name: &str) -> Finding {
        Finding::new(name, "looks at it", "127.0.0.1:3306")
    }

    #[test]
    fn nothing_found_is_the_one_sentence() {
        assert_eq!(render(&[finding("a")], -1, -1), (true, PASSED.to_owned()));
        assert_eq!(render(&[], -1, -1), (true, PASSED.to_owned()));
    }

    #[test]
    fn warnings_alone_pass_with_a_report() {
        let mut warned = finding("a");
        warned.warn("careful", "");
        let (passed, text) = render(&[warned, finding("b")], -1, -1);
        assert!(passed);
        assert!(text.starts_with(
            "fail to check synchronization configuration with type: no errors but some warnings\n detail: {\n\t\t\"results\": ["
        ), "{text}");
        assert!(text.contains("\"short_error\": \"careful\"") && !text.contains("instruction"));
        assert!(!text.contains("\"name\": \"b\"") && text.contains("\"successful\": 1"));
        assert!(text.ends_with("\n\t}"));
    }

    #[test]
    fn failure_names_the_first_error_and_counts_all() {
        let mut first = finding("a");
        first.warn("careful", "");
        let mut second = finding("b");
        second.fail("broken", "mend it");
        second.fail("broken too", "");
        let (passed, text) = render(&[first, second], 1, 0);
        assert!(!passed);
        assert!(
            text.starts_with("fail to check synchronization configuration with type: broken\n"),
            "{text}"
        );
        assert!(
            text.contains("mend it") && !text.contains("broken too") && !text.contains("careful")
        );
        assert!(
            text.contains("\"total\": 2")
                && text.contains("\"failed\": 1")
                && text.contains("\"warning\": 1")
        );
        assert!(text.contains("\"extra\": \"address of db instance - 127.0.0.1:3306\""));
    }

    #[test]
    fn not_evaluated_is_a_failure() {
        let mut unknown = finding("a");
        unknown.not_evaluated(&dm_model::DmError::new(
            &dm_model::codes::DB_BAD_CONN,
            "gone",
        ));
        assert!(!render(&[unknown], -1, -1).0);
    }
}
