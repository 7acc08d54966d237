use std::collections::HashMap;

use anyhow::Result;
use mysql_async::{Row, Value};

use super::TablePair;
use super::columns::Plan;
use super::side::Side;

/// 40 bytes each; more rows than this are not searched.
const ROWS_MAX: u64 = 20_000_000;
const SHOWN_CHARS_MAX: usize = 400;

/// The first row, in the order of reading, that one side has and the other lacks.
pub(super) async fn first(
    source: &mut Side,
    target: &mut Side,
    pair: &TablePair,
    plan: &Plan,
) -> Result<String> {
    let mut balance: HashMap<u128, i64> = HashMap::new();
    let mut rows = 0;
    source
        .rows(&pair.source, plan, |hash, _| {
            rows += 1;
            if rows <= ROWS_MAX {
                *balance.entry(hash).or_default() += 1;
            }
        })
        .await?;
    if rows > ROWS_MAX {
        return Ok(format!(
            "more than {ROWS_MAX} rows: the differing row was not searched"
        ));
    }
    let (mut extra, mut extra_count) = (None, 0_u64);
    target
        .rows(&pair.target, plan, |hash, row| {
            let left = balance.entry(hash).or_default();
            *left -= 1;
            if *left < 0 {
                extra_count += 1;
                extra.get_or_insert_with(|| show(row, plan));
            }
        })
        .await?;
    let missing_count: i64 = balance.values().filter(|left| **left > 0).sum();
    let mut missing = None;
    if missing_count > 0 {
        source
            .rows(&pair.source, plan, |hash, row| {
                if missing.is_none() && balance.get(&hash).is_some_and(|left| *left > 0) {
                    missing = Some(show(row, plan));
                }
            })
            .await?;
    }
    let mut text =
        format!("{missing_count} rows only at the source, {extra_count} only at the target");
    for (side, row) in [("source", missing), ("target", extra)] {
        if let Some(row) = row {
            text += &format!("\n  first only at the {side}: {row}");
        }
    }
    Ok(text)
}

/// The key in full and the other values as far as there is room.
fn show(row: &Row, plan: &Plan) -> String {
    let value = |place: usize| {
        let name = plan.names.get(place).map_or("", String::as_str);
        format!(
            "{name}={}",
            row.as_ref(place).map_or_else(String::new, literal)
        )
    };
    let key: Vec<String> = plan.key.iter().map(|place| value(*place)).collect();
    let rest = (0..plan.names.len())
        .filter(|place| !plan.key.contains(place))
        .map(value);
    let rest: String = rest
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(SHOWN_CHARS_MAX)
        .collect();
    if key.is_empty() {
        format!("(no key) {rest}")
    } else {
        format!("[{}] {rest}", key.join(" "))
    }
}

fn literal(value: &Value) -> String {
    let text = value.as_sql(false);
    if text.chars().count() > 60 {
        text.chars().take(57).collect::<String>() + "..."
    } else {
        text
    }
}
