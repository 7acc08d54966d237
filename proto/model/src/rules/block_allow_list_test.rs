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
