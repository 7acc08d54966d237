use super::*;
use crate::config::{ExtractSchema, ExtractSource, ExtractTable};

fn rule(schema: &str, table: &str, target_schema: &str, target_table: &str) -> Named<RouteRule> {
    Named::new(
        "r",
        RouteRule {
            schema_pattern: schema.to_owned(),
            table_pattern: table.to_owned(),
            target_schema: target_schema.to_owned(),
            target_table: target_table.to_owned(),
            ..RouteRule::default()
        },
    )
}

fn route(router: &Router, schema: &str, table: &str) -> String {
    router
        .route(&TableName::new(schema, table))
        .unwrap()
        .to_string()
}

#[test]
fn table_rules_beat_schema_rules() {
    let rules = [
        rule("shard_*", "t_*", "shard", "t"),
        rule("shard_*", "", "whole", ""),
    ];
    let router = Router::new(&rules, false).unwrap();
    assert_eq!(route(&router, "shard_1", "t_7"), "`shard`.`t`");
    assert_eq!(route(&router, "shard_1", "Other"), "`whole`.`Other`");
    assert_eq!(route(&router, "else", "t_7"), "`else`.`t_7`");
    assert_eq!(router.route_schema("shard_9"), Ok("whole".to_owned()));
    assert_eq!(router.route_schema("else"), Ok("else".to_owned()));
}

#[test]
fn an_empty_target_table_keeps_the_name() {
    let router = Router::new(&[rule("a", "~^t", "b", "")], false).unwrap();
    assert_eq!(route(&router, "A", "T1"), "`b`.`T1`");
}

#[test]
fn two_rules_on_one_level_are_an_error() {
    let rules = [
        rule("a", "t*", "x", ""),
        rule("a*", "t1", "y", ""),
        rule("a", "", "z", ""),
    ];
    let router = Router::new(&rules, false).unwrap();
    let error = router.route(&TableName::new("a", "t1")).unwrap_err();
    assert_eq!(error.code, 40080);
    assert_eq!(error.message, "table a.t1 matches more than one rule");
    assert_eq!(route(&router, "a", "t2"), "`x`.`t2`");

    let router = Router::new(&[rule("a", "", "x", ""), rule("a*", "", "y", "")], false).unwrap();
    assert!(router.route(&TableName::new("a", "t")).is_err());
    assert!(router.route_schema("a").is_err());
    assert_eq!(router.route_schema("ab"), Ok("y".to_owned()));
}

#[test]
fn targets_keep_their_case_and_patterns_only_when_told() {
    let router = Router::new(&[rule("Shop", "", "NewShop", "")], false).unwrap();
    assert_eq!(router.route_schema("shop"), Ok("NewShop".to_owned()));
    let router = Router::new(&[rule("Shop", "", "NewShop", "")], true).unwrap();
    assert_eq!(router.route_schema("shop"), Ok("shop".to_owned()));
}

#[test]
fn incomplete_and_bad_rules_are_refused() {
    for bad in [
        rule("", "", "x", ""),
        rule("a", "", "", ""),
        rule("a*b", "", "x", ""),
        rule("a", "~[", "x", ""),
    ] {
        assert_eq!(
            Router::new(std::slice::from_ref(&bad), false)
                .unwrap_err()
                .code,
            20045,
            "{bad:?}"
        );
    }
}

#[test]
fn extracted_columns_keep_the_origin() {
    let mut named = rule("shard_*", "~^t_", "shard", "t");
    named.rule.extract_table = Some(ExtractTable {
        table_regexp: "^t_(.*)$".to_owned(),
        target_column: "c_table".to_owned(),
    });
    named.rule.extract_schema = Some(ExtractSchema {
        schema_regexp: "^(sh)ard_(\\d+)$".to_owned(),
        target_column: "c_schema".to_owned(),
    });
    named.rule.extract_source = Some(ExtractSource {
        source_regexp: "^(x)$".to_owned(),
        target_column: "c_source".to_owned(),
    });
    let router = Router::new(&[named.clone(), rule("shard_*", "", "whole", "")], false).unwrap();
    let source = SourceId::parse("mysql-01").unwrap();
    let values: Vec<(String, String)> = router
        .extracted(&source, &TableName::new("shard_07", "t_1"))
        .unwrap()
        .into_iter()
        .map(|extracted| (extracted.column, extracted.value))
        .collect();
    // No match is an empty text.
    let expected = [("c_table", "1"), ("c_schema", "sh07"), ("c_source", "")];
    assert_eq!(
        values,
        expected.map(|(column, value)| (column.to_owned(), value.to_owned()))
    );
    assert!(
        router
            .extracted(&source, &TableName::new("shard_07", "u"))
            .unwrap()
            .is_empty()
    );

    let breakers: [fn(&mut RouteRule); 4] = [
        |rule| rule.extract_table.as_mut().unwrap().target_column.clear(),
        |rule| rule.extract_table.as_mut().unwrap().table_regexp = "(".to_owned(),
        |rule| rule.extract_table.as_mut().unwrap().table_regexp = "t".to_owned(),
        |rule| rule.extract_table.as_mut().unwrap().target_column = "C_SCHEMA".to_owned(),
    ];
    for spoil in breakers {
        let mut bad = named.clone();
        spoil(&mut bad.rule);
        assert_eq!(Router::new(&[bad], false).unwrap_err().code, 20045);
    }
}
