//! Tables for people.

use comfy_table::{ContentArrangement, Table, presets};
use dm_proto::pb::CommonWorkerResponse;

/// A table, fitted to the terminal. Without rows only the header is shown.
pub fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    for row in rows {
        table.add_row(row);
    }
    table.to_string()
}

/// The head of every answer: whether it was done, and what was said.
pub fn outcome(result: bool, msg: &str) -> String {
    let word = if result { "done" } else { "FAILED" };
    if msg.is_empty() {
        word.to_owned()
    } else {
        format!("{word}: {}", msg.trim_end())
    }
}

/// The answer per source that most operations give.
pub fn worker_answers(result: bool, msg: &str, sources: &[CommonWorkerResponse]) -> String {
    let head = outcome(result, msg);
    if sources.is_empty() {
        return head;
    }
    let rows = sources.iter().map(|answer| {
        [
            answer.source.clone(),
            answer.worker.clone(),
            outcome(answer.result, &answer.msg),
        ]
    });
    format!("{head}\n{}", table(["Source", "Worker", "Result"], rows))
}

/// `1.5 MiB` and the like.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes as f64;
    let mut unit = UNITS[0];
    for larger in UNITS.into_iter().skip(1) {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    if unit == UNITS[0] {
        format!("{bytes} B")
    } else {
        format!("{size:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_for_people() {
        assert_eq!(human_bytes(0), "0 B");
        assert_eq!(human_bytes(1023), "1023 B");
        assert_eq!(human_bytes(1536), "1.5 KiB");
        assert_eq!(human_bytes(5 << 20), "5.0 MiB");
        assert!(human_bytes(u64::MAX).ends_with("TiB"));
    }

    #[test]
    fn every_source_has_a_row() {
        let answer = CommonWorkerResponse {
            result: false,
            msg: "no".into(),
            source: "mysql-01".into(),
            worker: "w1".into(),
        };
        let text = worker_answers(true, "", &[answer]);
        assert!(
            text.starts_with("done\n") && text.contains("mysql-01") && text.contains("FAILED: no"),
            "{text}"
        );
    }
}
