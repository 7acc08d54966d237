use super::*;

fn rule(schema: &str, table: &str, target_schema: &str, target_table: &str) -> RouteRule {
    RouteRule {
        schema_pattern: schema.to_owned(),
        table_pattern: table.to_owned(),
        target_schema: target_schema.to_owned(),
        target_table: target_table.to_owned(),
    }
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
