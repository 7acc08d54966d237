//! The pre-check report, which DM prints unescaped so that people can read it (the output is then no JSON).

use dm_proto::json;

const REPORT_HEADER: &str = "fail to check synchronization configuration with type";

/// Stands for the report while the rest is rendered; no report contains it.
const PLACE: &str = "dmctl-pre-check-report-place";

/// Renders an answer whose text member may hold a pre-check report. `render` gets the text to put into that member.
pub fn with_raw_check(text: &str, render: impl Fn(&str) -> String) -> String {
    if !text.contains(REPORT_HEADER) {
        return render(text);
    }
    let report = text.replacen("detail: {", "   \tdetail: {", 1);
    let quoted = json::quote(PLACE);
    render(PLACE).replace(&quoted, &format!("\"{report}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_readable_and_other_texts_escaped() {
        let render = |text: &str| format!("{{\"msg\": {}}}", json::quote(text));
        assert_eq!(with_raw_check("a\nb", render), r#"{"msg": "a\nb"}"#);
        let report = format!("{REPORT_HEADER}: x\n detail: {{\n\t\"a\": \"<\"\n}}");
        let expected =
            format!("{{\"msg\": \"{REPORT_HEADER}: x\n    \tdetail: {{\n\t\"a\": \"<\"\n}}\"}}");
        assert_eq!(with_raw_check(&report, render), expected);
    }
}
