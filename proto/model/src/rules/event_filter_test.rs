use proptest::prelude::*;

use super::*;

fn rule(
    schema: &str,
    table: &str,
    events: &[&str],
    sql: &[&str],
    action: FilterAction,
) -> Named<FilterRule> {
    let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
    Named::new(
        format!("{schema}/{table}"),
        FilterRule {
            schema_pattern: schema.to_owned(),
            table_pattern: table.to_owned(),
            events: texts(events),
            sql_pattern: texts(sql),
            action: Some(action),
        },
    )
}

fn filter(rules: &[Named<FilterRule>]) -> EventFilter {
    EventFilter::new(rules, false).unwrap()
}

fn ignored(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Ignore(_))
}

fn statement(filter: &EventFilter, kinds: &[EventKind], sql: &str) -> Verdict {
    filter
        .statement("shop", Some("t"), &[kinds.to_vec()], sql)
        .unwrap()
}

/// DM's manual: "filter out all deletes of tables", "only migrate DML", "ignore TRUNCATE and DROP by SQL".
#[test]
fn the_documented_examples() {
    let no_deletes = filter(&[rule(
        "shop",
        "",
        &["truncate table", "drop table", "delete"],
        &[],
        FilterAction::Ignore,
    )]);
    let rows = no_deletes.rows("Shop", "t");
    assert!(ignored(&rows.delete) && rows.insert == Verdict::Do && rows.update == Verdict::Do);
    assert!(ignored(&statement(
        &no_deletes,
        &[EventKind::TruncateTable],
        "TRUNCATE t"
    )));
    assert_eq!(no_deletes.rows("other", "t").delete, Verdict::Do);

    let only_dml = filter(&[rule(
        "*",
        "*",
        &["create table", "all dml"],
        &[],
        FilterAction::Do,
    )]);
    assert!(ignored(&statement(&only_dml, &[EventKind::AlterTable], "")));
    assert_eq!(
        statement(&only_dml, &[EventKind::CreateTable], ""),
        Verdict::Do
    );
    assert_eq!(only_dml.rows("a", "b").update, Verdict::Do);

    let by_text = filter(&[rule(
        "*",
        "",
        &[],
        &["^DROP\\s+PROCEDURE", "add\\s+partition"],
        FilterAction::Ignore,
    )]);
    let text = "ALTER TABLE t ADD PARTITION (…)";
    assert!(ignored(&statement(
        &by_text,
        &[EventKind::AddTablePartition],
        text
    )));
    assert_eq!(by_text.rows("a", "b").insert, Verdict::Do);

    let guarded = filter(&[rule(
        "*",
        "",
        &["incompatible ddl changes"],
        &[],
        FilterAction::Error,
    )]);
    let verdict = statement(&guarded, &[EventKind::DropColumn], "");
    assert_eq!(verdict, Verdict::Error("*/".to_owned()));
    assert_eq!(
        statement(&guarded, &[EventKind::AlterTable, EventKind::AddColumn], ""),
        Verdict::Do
    );
}

#[test]
fn all_rules_that_match_count_and_the_first_that_decides_wins() {
    let filter = filter(&[
        rule("shop", "t*", &["insert"], &[], FilterAction::Do),
        rule("shop", "", &["insert"], &[], FilterAction::Error),
        rule(
            "shop",
            "t?",
            &["none dml", "all"],
            &[],
            FilterAction::Ignore,
        ),
    ]);
    assert_eq!(
        filter.rows("shop", "t1").insert,
        Verdict::Error("shop/".to_owned())
    );
    assert_eq!(
        filter.rows("shop", "t1").delete,
        Verdict::Ignore("shop/t*".to_owned())
    );
    assert_eq!(filter.names("shop", "t1").len(), 3);
    assert_eq!(filter.rows("shop", "u").delete, Verdict::Do);
}

#[test]
fn clauses_that_fare_differently_are_an_error_not_a_guess() {
    let filter = filter(&[rule("*", "", &["drop column"], &[], FilterAction::Ignore)]);
    let clauses = [vec![EventKind::DropColumn], vec![EventKind::AddColumn]];
    assert_eq!(
        filter.statement("a", Some("b"), &clauses, ""),
        Err("*/".to_owned())
    );
    let both = [vec![EventKind::DropColumn], vec![EventKind::DropColumn]];
    assert!(ignored(
        &filter.statement("a", Some("b"), &both, "").unwrap()
    ));
}

#[test]
fn what_may_leave_rows_behind_is_known() {
    let keeps = |events: &[&str], sql: &[&str], action| {
        filter(&[rule("a", "", events, sql, action)]).keeps_rows("a", "t")
    };
    assert!(keeps(&["delete"], &[], FilterAction::Ignore).is_some());
    assert!(keeps(&["truncate table"], &[], FilterAction::Ignore).is_some());
    assert!(keeps(&["insert"], &[], FilterAction::Do).is_some());
    assert!(keeps(&[], &["^truncate"], FilterAction::Ignore).is_some());
    assert!(keeps(&["drop column"], &[], FilterAction::Ignore).is_none());
    assert!(keeps(&["all"], &[], FilterAction::Error).is_none());
}

#[test]
fn invalid_rules_are_refused() {
    let good = rule("a", "t", &["insert"], &["^x"], FilterAction::Ignore);
    EventFilter::new(std::slice::from_ref(&good), true).unwrap();
    type Spoil = fn(&mut FilterRule);
    let spoil: [(Spoil, &str); 7] = [
        (|rule| rule.schema_pattern.clear(), "schema-pattern"),
        (
            |rule| rule.table_pattern = "a*b".to_owned(),
            "table-pattern",
        ),
        (
            |rule| rule.events.push("drop tables".to_owned()),
            "drop tables",
        ),
        (|rule| rule.sql_pattern.push("(".to_owned()), "sql-pattern"),
        (|rule| rule.action = None, "action"),
        (
            |rule| {
                rule.events.clear();
                rule.sql_pattern.clear();
            },
            "neither",
        ),
        (
            |rule| rule.schema_pattern = "~(".to_owned(),
            "schema-pattern",
        ),
    ];
    for (spoil, word) in spoil {
        let mut bad = good.clone();
        spoil(&mut bad.rule);
        let error = EventFilter::new(&[bad], true).unwrap_err();
        assert_eq!(error.code, 20037);
        assert!(error.message.contains(word), "{error}");
    }
}

/// The documented evaluation, written down again without any of the code above.
fn by_the_book(
    rules: &[Named<FilterRule>],
    schema: &str,
    table: &str,
    kind: EventKind,
    sql: &str,
) -> &'static str {
    let matches = |pattern: &str, name: &str| match pattern.strip_suffix('*') {
        Some(head) => name.starts_with(head),
        None => name == pattern,
    };
    for Named { rule, .. } in rules {
        if !matches(&rule.schema_pattern, schema)
            || !(rule.table_pattern.is_empty() || matches(&rule.table_pattern, table))
        {
            continue;
        }
        let dml = ["insert", "update", "delete"].contains(&kind.name());
        let incompatible = kind.class() == EventClass::Incompatible;
        let mut found = false;
        for name in &rule.events {
            let decided = match name.as_str() {
                "all" => Some(true),
                "none" => Some(false),
                "all dml" if dml => Some(true),
                "none dml" if dml => Some(false),
                "all ddl" if !dml => Some(true),
                "none ddl" if !dml => Some(false),
                "incompatible ddl changes" if incompatible => Some(true),
                name if name == kind.name() => Some(true),
                _ => None,
            };
            if let Some(decided) = decided {
                found = decided;
                break;
            }
        }
        let mut tests = vec![found];
        if !sql.is_empty() && !rule.sql_pattern.is_empty() {
            tests.push(rule.sql_pattern.iter().any(|text| sql.contains(text)));
        }
        for found in tests {
            match (found, rule.action.unwrap()) {
                (true, FilterAction::Ignore) | (false, FilterAction::Do) => return "ignore",
                (true, FilterAction::Error) => return "error",
                _ => {}
            }
        }
    }
    "do"
}

use crate::rules::EventClass;

fn any_rule() -> impl Strategy<Value = Named<FilterRule>> {
    let names: Vec<&'static str> = EventKind::ALL
        .iter()
        .map(|kind| kind.name())
        .chain([
            "all",
            "none",
            "all dml",
            "all ddl",
            "none dml",
            "none ddl",
            "incompatible ddl changes",
        ])
        .collect();
    let pattern = prop::sample::select(vec!["*", "a*", "ab", "b", "ab*", "é*", "é1"]);
    let table = prop::sample::select(vec!["", "*", "a*", "ab", "b", "é1"]);
    let action = prop::sample::select(vec![
        FilterAction::Do,
        FilterAction::Ignore,
        FilterAction::Error,
    ]);
    (
        pattern,
        table,
        prop::collection::vec(prop::sample::select(names), 1..4),
        prop::collection::vec(prop::sample::select(vec!["x", "y"]), 0..3),
        action,
    )
        .prop_map(|(schema, table, events, sql, action)| rule(schema, table, &events, &sql, action))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12_000))]
    #[test]
    fn every_vector_agrees_with_the_documented_rules(
        rules in prop::collection::vec(any_rule(), 0..4),
        schema in prop::sample::select(vec!["a", "ab", "abc", "b", "é1"]),
        table in prop::sample::select(vec!["a", "ab", "abc", "b", "é1"]),
        kind in prop::sample::select(EventKind::ALL.to_vec()),
        sql in prop::sample::select(vec!["", "x", "y", "xy", "z"]),
    ) {
        let found = match filter(&rules).statement(schema, Some(table), &[vec![kind]], sql).unwrap() {
            Verdict::Do => "do",
            Verdict::Ignore(_) => "ignore",
            Verdict::Error(_) => "error",
        };
        prop_assert_eq!(found, by_the_book(&rules, schema, table, kind, sql));
    }
}
