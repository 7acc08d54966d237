use super::*;

fn rule(
    table: &str,
    column: &str,
    expression: &str,
    arguments: &[&str],
) -> Named<ColumnMappingRule> {
    Named::new(
        "m",
        ColumnMappingRule {
            schema_pattern: "shard_*".to_owned(),
            table_pattern: table.to_owned(),
            source_column: String::new(),
            target_column: column.to_owned(),
            expression: expression.to_owned(),
            arguments: arguments.iter().map(|&text| text.to_owned()).collect(),
        },
    )
}

fn partition(arguments: &[&str], schema: &str, table: &str) -> Result<Mapped, DmError> {
    let mut one = rule("*", "id", "partition id", arguments);
    one.rule.schema_pattern = "*".to_owned();
    let mappings = ColumnMappings::new(&[one], false)?;
    Ok(mappings
        .for_table(&TableName::new(schema, table))?
        .remove(0)
        .mapped)
}

/// Computed by hand: 1 sign bit, then the parts that are there, from the top; the number in the lowest 44.
#[test]
fn partition_ids_by_hand() {
    let id = (1_i128 << 44) - 1;
    let cases: [(&[&str], &str, &str, i128, u64); 12] = [
        // instance 1 → bit 59; schema 2 → bits 52…; table 3 → bits 44….
        (
            &["1", "test_", "t_"],
            "test_2",
            "t_3",
            1,
            (1 << 59) | (2 << 52) | (3 << 44) | 1,
        ),
        // DM 1.0's manual: instance 1, schema 1, table 1, row 1.
        (
            &["1", "test", "t", "_"],
            "test_1",
            "t_1",
            1,
            580_981_944_116_838_401,
        ),
        // The limits: 15, 127, 255, 2^44 − 1.
        (&["15", "s", "t"], "s127", "t255", id, i64::MAX as u64),
        (&["0", "s", "t"], "s0", "t0", id, (1 << 44) - 1),
        // Without instance the schema has the 7 bits below the sign.
        (
            &["", "s", "t"],
            "s127",
            "t1",
            5,
            (127 << 56) | (1 << 48) | 5,
        ),
        (&["", "s", ""], "s1", "whatever", 5, (1 << 56) | 5),
        // Without schema the table follows the instance.
        (&["2", "", "t"], "x", "t9", 0, (2 << 59) | (9 << 51)),
        (&["", "", "t"], "x", "t255", 7, (255 << 55) | 7),
        (&["3", "", ""], "x", "y", 7, (3 << 59) | 7),
        // The prefix alone is number 0, with and without separator.
        (&["1", "s", "t"], "s", "t", 7, (1 << 59) | 7),
        (
            &["1", "s", "t", "_"],
            "s",
            "t_4",
            7,
            (1 << 59) | (4 << 44) | 7,
        ),
        // Leading zeroes are digits; names fold when rules do.
        (
            &["1", "s", "t"],
            "S007",
            "T01",
            7,
            (1 << 59) | (7 << 52) | (1 << 44) | 7,
        ),
    ];
    for (arguments, schema, table, number, expected) in cases {
        let mapped = partition(arguments, schema, table).unwrap();
        assert_eq!(
            mapped.number(number),
            Ok(expected),
            "{arguments:?} {schema} {table}"
        );
        assert_eq!(mapped.text(&number.to_string()), Ok(expected.to_string()));
        let (least, most) = mapped.range().unwrap();
        assert!((least..=most).contains(&expected));
    }
}

#[test]
fn beyond_the_limits_is_an_error() {
    for (arguments, schema, table) in [
        (["16", "s", "t"], "s1", "t1"),
        (["x", "s", "t"], "s1", "t1"),
        (["-1", "s", "t"], "s1", "t1"),
        (["1", "s", "t"], "s128", "t1"),
        (["1", "s", "t"], "s1", "t256"),
        (["1", "s", "t"], "sx", "t1"),
        (["1", "s", "t"], "other1", "t1"),
        (["1", "s", "t"], "s+1", "t1"),
        (["", "", ""], "s1", "t1"),
    ] {
        let error = partition(&arguments, schema, table).unwrap_err();
        assert_eq!(error.code, 20046, "{arguments:?} {schema} {table}");
    }
    // "_" belongs to the prefix only with a separator.
    assert!(partition(&["1", "s", "t", "_"], "s1", "t_1").is_err());
    let mapped = partition(&["1", "s", "t"], "s1", "t1").unwrap();
    for number in [-1, 1 << 44, i128::from(i64::MAX), i128::from(u64::MAX)] {
        assert!(mapped.number(number).is_err(), "{number}");
    }
    for text in ["", "abc", "1.5", " 1", "17592186044416"] {
        assert!(mapped.text(text).is_err(), "{text:?}");
    }
}

#[test]
fn prefix_and_suffix() {
    let mappings = ColumnMappings::new(
        &[
            rule("a*", "x", "add prefix", &["p-"]),
            rule("a*", "y", "add suffix", &["-s"]),
            rule("", "z", "add prefix", &["whole-"]),
        ],
        false,
    )
    .unwrap();
    let of = |table| {
        mappings
            .for_table(&TableName::new("shard_1", table))
            .unwrap()
    };
    let both = of("a1");
    assert_eq!(both.len(), 2);
    assert_eq!(both[0].mapped.text("é"), Ok("p-é".to_owned()));
    assert_eq!(both[1].mapped.text(""), Ok("-s".to_owned()));
    assert!(both[0].mapped.number(1).is_err());
    // A rule with a table pattern beats one without.
    assert_eq!(of("b")[0].column, "z");
    assert!(
        mappings
            .for_table(&TableName::new("other", "a"))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn bad_rules_are_refused() {
    let cases = [
        rule("t", "", "add prefix", &["p"]),
        rule("t", "c", "add prefix", &[]),
        rule("t", "c", "add suffix", &["a", "b"]),
        rule("t", "c", "partition id", &["1", "s"]),
        rule("t", "c", "partition id", &["1", "s", "t", "_", "x"]),
        rule("t", "c", "", &[]),
        rule("a*b", "c", "add prefix", &["p"]),
    ];
    for bad in cases {
        let error = ColumnMappings::new(std::slice::from_ref(&bad), false).unwrap_err();
        assert_eq!(error.code, 20046, "{bad:?}");
    }
    let mut other = rule("t", "c", "add prefix", &["p"]);
    other.rule.source_column = "d".to_owned();
    assert!(ColumnMappings::new(&[other], false).is_err());
    let twice = [
        rule("t*", "c", "add prefix", &["p"]),
        rule("t1", "C", "add suffix", &["s"]),
    ];
    let mappings = ColumnMappings::new(&twice, false).unwrap();
    assert!(
        mappings
            .for_table(&TableName::new("shard_1", "t1"))
            .is_err()
    );
    assert!(mappings.for_table(&TableName::new("shard_1", "t2")).is_ok());
}
