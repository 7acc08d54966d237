use proptest::prelude::*;

use super::*;

fn item(schema: &str, table: &str) -> TableItem {
    TableItem {
        db_name: schema.to_owned(),
        tbl_name: table.to_owned(),
    }
}

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn compile(rule: &BlockAllowRule) -> BlockAllowList {
    BlockAllowList::new(rule, false).unwrap()
}

#[test]
fn without_rules_all_but_system_schemas_take_part() {
    let list = BlockAllowList::default();
    assert!(list.allows("shop", Some("t")));
    assert!(list.allows("shop", None));
    for schema in [
        "mysql",
        "SYS",
        "Information_Schema",
        "performance_schema",
        "DM_heartbeat",
    ] {
        assert!(!list.allows(schema, Some("t")), "{schema}");
    }
}

#[test]
fn do_dbs_silence_ignore_dbs() {
    let list = compile(&BlockAllowRule {
        do_dbs: texts(&["shop*", "~^log_[0-9]+$"]),
        ignore_dbs: texts(&["shop_old"]),
        ..BlockAllowRule::default()
    });
    assert!(list.allows("shop_old", Some("t")));
    assert!(list.allows("LOG_17", Some("t")));
    assert!(!list.allows("log_x", Some("t")));
    assert!(!list.allows("other", None));
}

#[test]
fn ignore_dbs_alone_drop_what_matches() {
    let list = compile(&BlockAllowRule {
        ignore_dbs: texts(&["tmp?"]),
        ..BlockAllowRule::default()
    });
    assert!(!list.allows("tmp1", Some("t")));
    assert!(list.allows("tmp", Some("t")));
}

#[test]
fn do_tables_win_over_ignore_tables_and_exclude_the_rest() {
    let list = compile(&BlockAllowRule {
        do_tables: vec![item("shop", "t*")],
        ignore_tables: vec![item("shop", "t1")],
        ..BlockAllowRule::default()
    });
    assert!(list.allows("shop", Some("t1")));
    assert!(!list.allows("shop", Some("u")));
    // Statements about a schema are not subject to table rules.
    assert!(list.allows("other", None));
    assert!(!list.allows("other", Some("t1")));
}

#[test]
fn ignore_tables_alone_drop_what_matches() {
    let list = compile(&BlockAllowRule {
        ignore_tables: vec![item("shop", "~_bak$")],
        ..BlockAllowRule::default()
    });
    assert!(!list.allows("shop", Some("T_BAK")));
    assert!(list.allows("shop", Some("t")));
    assert!(list.allows("other", Some("t_bak")));
}

#[test]
fn a_rule_is_a_pair_and_parts_do_not_mix() {
    let list = compile(&BlockAllowRule {
        do_tables: vec![item("~^a", "t1"), item("~^b", "t2")],
        ..BlockAllowRule::default()
    });
    assert!(list.allows("a1", Some("t1")));
    assert!(!list.allows("a1", Some("t2")));
}

#[test]
fn both_levels_must_keep() {
    let list = compile(&BlockAllowRule {
        do_dbs: texts(&["a"]),
        do_tables: vec![item("b", "t")],
        ..BlockAllowRule::default()
    });
    assert!(!list.allows("b", Some("t")));
    assert!(!list.allows("a", Some("t")));
}

#[test]
fn case_counts_when_told_to() {
    let rule = BlockAllowRule {
        do_dbs: texts(&["Shop"]),
        ..BlockAllowRule::default()
    };
    assert!(
        BlockAllowList::new(&rule, true)
            .unwrap()
            .allows("Shop", None)
    );
    assert!(
        !BlockAllowList::new(&rule, true)
            .unwrap()
            .allows("shop", None)
    );
    assert!(compile(&rule).allows("sHOP", None));
}

#[test]
fn bad_patterns_name_the_key() {
    let rule = BlockAllowRule {
        do_tables: vec![item("a", "")],
        ..BlockAllowRule::default()
    };
    let error = BlockAllowList::new(&rule, true).unwrap_err();
    assert_eq!(error.code, 20044);
    assert!(error.message.contains("do-tables: tbl-name"), "{error}");
    let rule = BlockAllowRule {
        ignore_dbs: texts(&["~("]),
        ..BlockAllowRule::default()
    };
    assert_eq!(BlockAllowList::new(&rule, true).unwrap_err().code, 20044);
}

/// The documented decision, written down again without any of the code above.
fn by_the_book(rule: &BlockAllowRule, schema: &str, table: Option<&str>) -> bool {
    fn fits(pattern: &[char], name: &[char]) -> bool {
        match (pattern.first(), name.first()) {
            (None, None) => true,
            (Some('*'), _) => true,
            (Some('?'), Some(_)) => fits(&pattern[1..], &name[1..]),
            (Some('['), Some(c)) => {
                let end = pattern.iter().position(|c| *c == ']').unwrap();
                let negated = pattern[1] == '!';
                let members = &pattern[1 + usize::from(negated)..end];
                let within = match members {
                    [from, '-', to] => from <= c && c <= to,
                    members => members.contains(c),
                };
                within != negated && fits(&pattern[end + 1..], &name[1..])
            }
            (Some(p), Some(c)) => p == c && fits(&pattern[1..], &name[1..]),
            _ => false,
        }
    }
    let matches = |pattern: &str, name: &str| {
        let folded = |text: &str| text.to_lowercase().chars().collect::<Vec<char>>();
        match pattern.strip_prefix('~') {
            // The only regular expression of the vectors: ^HEAD.
            Some(regex) => name
                .to_lowercase()
                .starts_with(&regex.trim_start_matches('^').to_lowercase()),
            None => fits(&folded(pattern), &folded(name)),
        }
    };
    let listed = |items: &[TableItem], table: &str| {
        items
            .iter()
            .any(|item| matches(&item.db_name, schema) && matches(&item.tbl_name, table))
    };
    if schema.eq_ignore_ascii_case("mysql") {
        return false;
    }
    let schema_kept = match (rule.do_dbs.as_slice(), rule.ignore_dbs.as_slice()) {
        ([], ignored) => !ignored.iter().any(|pattern| matches(pattern, schema)),
        (wanted, _) => wanted.iter().any(|pattern| matches(pattern, schema)),
    };
    let Some(table) = table else {
        return schema_kept;
    };
    schema_kept
        && (listed(&rule.do_tables, table)
            || (!listed(&rule.ignore_tables, table) && rule.do_tables.is_empty()))
}

fn any_pattern() -> impl Strategy<Value = String> {
    prop_oneof![
        "[abé][abA]?",
        "[ab]{0,2}\\*",
        "[ab]\\?",
        "\\?\\*?",
        "[ab]?\\[a-b\\]\\*?",
        "\\[!ab\\][ab]?",
        "~\\^[abé]",
    ]
    .prop_filter("patterns are not empty", |text| !text.is_empty())
}

fn any_list() -> impl Strategy<Value = BlockAllowRule> {
    let dbs = || prop::collection::vec(any_pattern(), 0..3);
    let tables = || {
        prop::collection::vec(
            (any_pattern(), any_pattern()).prop_map(|(schema, table)| item(&schema, &table)),
            0..3,
        )
    };
    (dbs(), tables(), dbs(), tables()).prop_map(|(do_dbs, do_tables, ignore_dbs, ignore_tables)| {
        BlockAllowRule {
            do_dbs,
            do_tables,
            ignore_dbs,
            ignore_tables,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12_000))]
    #[test]
    fn every_vector_agrees_with_the_documented_rules(
        rule in any_list(),
        schema in "[abAé]{1,3}|mysql",
        table in prop::option::of("[abAé]{1,3}"),
    ) {
        let list = compile(&rule);
        prop_assert_eq!(
            list.allows(&schema, table.as_deref()),
            by_the_book(&rule, &schema, table.as_deref()),
            "{:?}", rule
        );
    }
}
