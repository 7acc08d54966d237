//! One column, known bytes, known value: the edges that the golden files do not reach.

use dm_binlog::{RowPlan, Value, column_type as t};

use crate::build::{Column, decoder, map_of, with_value};

fn value_is(column: Column<'_>, bytes: &[u8], expected: Value<'_>) {
    with_value(column, false, bytes, |value| {
        assert_eq!(value.unwrap(), &expected, "{column:?}")
    });
}

fn refused(column: Column<'_>, bytes: &[u8], text: &str) {
    with_value(column, false, bytes, |value| {
        let error = value.expect_err("it is refused");
        assert!(error.contains(text), "{error}");
    });
}

#[test]
fn medium_int_extends_its_sign() {
    value_is((t::INT24, &[]), &[0xff, 0xff, 0xff], Value::Int(-1));
    value_is((t::INT24, &[]), &[0x00, 0x00, 0x80], Value::Int(-8_388_608));
    value_is((t::INT24, &[]), &[0xff, 0xff, 0x7f], Value::Int(8_388_607));
    with_value((t::INT24, &[]), true, &[0xff, 0xff, 0xff], |value| {
        assert_eq!(value.unwrap(), &Value::UInt(16_777_215))
    });
}

#[test]
fn every_integer_width_has_both_readings() {
    for (code, width) in [
        (t::TINY, 1),
        (t::SHORT, 2),
        (t::INT24, 3),
        (t::LONG, 4),
        (t::LONGLONG, 8),
    ] {
        let ones = vec![0xff; width];
        value_is((code, &[]), &ones, Value::Int(-1));
        let max = u64::MAX >> (64 - 8 * width);
        with_value((code, &[]), true, &ones, |value| {
            assert_eq!(value.unwrap(), &Value::UInt(max))
        });
    }
}

#[test]
fn decimals_in_groups_of_nine() {
    // 1234567890.1234, the example of the server's own documentation, and its negative.
    let plus = [0x81, 0x0d, 0xfb, 0x38, 0xd2, 0x04, 0xd2];
    let minus = plus.map(|byte: u8| !byte);
    value_is(
        (t::NEWDECIMAL, &[14, 4]),
        &plus,
        Value::Decimal("1234567890.1234".into()),
    );
    value_is(
        (t::NEWDECIMAL, &[14, 4]),
        &minus,
        Value::Decimal("-1234567890.1234".into()),
    );
    value_is(
        (t::NEWDECIMAL, &[1, 1]),
        &[0x80],
        Value::Decimal("0.0".into()),
    );
    value_is(
        (t::NEWDECIMAL, &[3, 0]),
        &[0x80, 0x07],
        Value::Decimal("7".into()),
    );
    refused((t::NEWDECIMAL, &[3, 4]), &[0x80; 8], "precision or scale");
    refused((t::NEWDECIMAL, &[0, 0]), &[0x80; 8], "precision or scale");
    refused((t::NEWDECIMAL, &[1, 0]), &[0x80 + 10], "digit group");
}

#[test]
fn bits_are_right_aligned() {
    value_is((t::BIT, &[1, 0]), &[1], Value::Bit { bits: 1, len: 1 });
    value_is(
        (t::BIT, &[1, 1]),
        &[1, 0x02],
        Value::Bit { bits: 258, len: 9 },
    );
    value_is(
        (t::BIT, &[0, 8]),
        &[0xff; 8],
        Value::Bit {
            bits: u64::MAX,
            len: 64,
        },
    );
    refused((t::BIT, &[1, 8]), &[0; 9], "64 bits");
    refused((t::BIT, &[0, 0]), &[], "64 bits");
}

fn time(negative: bool, hms: (u16, u8, u8), micros: u32, decimals: u8) -> Value<'static> {
    Value::Time {
        negative,
        hours: hms.0,
        minutes: hms.1,
        seconds: hms.2,
        micros,
        decimals,
    }
}

#[test]
fn time2_borrows_for_negative_fractions() {
    // -00:00:00.01 is stored one below zero, -00:00:01.00 exactly one second below.
    value_is(
        (t::TIME2, &[2]),
        &[0x7f, 0xff, 0xff, 0xff],
        time(true, (0, 0, 0), 10_000, 2),
    );
    value_is(
        (t::TIME2, &[2]),
        &[0x7f, 0xff, 0xff, 0x00],
        time(true, (0, 0, 1), 0, 2),
    );
    value_is(
        (t::TIME2, &[2]),
        &[0x7f, 0xff, 0xfe, 0xf6],
        time(true, (0, 0, 1), 100_000, 2),
    );
    value_is(
        (t::TIME2, &[6]),
        &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff],
        time(true, (0, 0, 0), 1, 6),
    );
    value_is(
        (t::TIME2, &[0]),
        &[0x7f, 0xff, 0xff],
        time(true, (0, 0, 1), 0, 0),
    );
    value_is(
        (t::TIME2, &[0]),
        &[0x80, 0, 0],
        time(false, (0, 0, 0), 0, 0),
    );
    value_is(
        (t::TIME2, &[4]),
        &[0x80, 0, 0, 0, 1],
        time(false, (0, 0, 0), 100, 4),
    );
    refused((t::TIME2, &[7]), &[0; 7], "fraction digits");
    refused((t::TIME2, &[2]), &[0x80, 0, 0, 100], "fraction of a second");
}

#[test]
fn old_time_keeps_sign_and_hours() {
    value_is(
        (t::TIME, &[]),
        &(-8_385_959i32).to_le_bytes()[..3],
        time(true, (838, 59, 59), 0, 0),
    );
    value_is(
        (t::TIME, &[]),
        &8_385_959i32.to_le_bytes()[..3],
        time(false, (838, 59, 59), 0, 0),
    );
    value_is(
        (t::TIME, &[]),
        &(-1i32).to_le_bytes()[..3],
        time(true, (0, 0, 1), 0, 0),
    );
}

#[test]
fn old_datetime_is_decimal_digits() {
    let expected = Value::DateTime {
        year: 9999,
        month: 12,
        day: 31,
        hour: 23,
        minute: 59,
        second: 58,
        micros: 0,
        decimals: 0,
    };
    value_is(
        (t::DATETIME, &[]),
        &99_991_231_235_958u64.to_le_bytes(),
        expected,
    );
    refused((t::DATETIME, &[]), &u64::MAX.to_le_bytes(), "year");
}

#[test]
fn timestamps_reach_2106() {
    value_is(
        (t::TIMESTAMP2, &[0]),
        &[0xff; 4],
        Value::Timestamp {
            seconds: 4_294_967_295,
            micros: 0,
            decimals: 0,
        },
    );
    value_is(
        (t::TIMESTAMP, &[]),
        &[1, 0, 0, 0],
        Value::Timestamp {
            seconds: 1,
            micros: 0,
            decimals: 0,
        },
    );
    let expected = Value::Timestamp {
        seconds: 1,
        micros: 990_000,
        decimals: 2,
    };
    value_is((t::TIMESTAMP2, &[2]), &[0, 0, 0, 1, 99], expected);
}

#[test]
fn years_and_dates_may_be_zero() {
    value_is((t::YEAR, &[]), &[0], Value::Year(0));
    value_is((t::YEAR, &[]), &[1], Value::Year(1901));
    value_is((t::YEAR, &[]), &[255], Value::Year(2155));
    value_is(
        (t::DATE, &[]),
        &[0, 0, 0],
        Value::Date {
            year: 0,
            month: 0,
            day: 0,
        },
    );
    value_is(
        (t::DATE, &[]),
        &[0x9f, 0x1f, 0x4e],
        Value::Date {
            year: 9999,
            month: 12,
            day: 31,
        },
    );
    refused((t::DATETIME2, &[0]), &[0x7f, 0, 0, 0, 0], "negative");
}

#[test]
fn char_longer_than_255_bytes_hides_its_length_in_the_type() {
    // CHAR(255) in utf8mb4: 1020 bytes = 0x3fc; the two high bits stand inverted in the type byte.
    let meta = [0xfe ^ 0x30, 0xfc];
    let mut decoder = decoder();
    let map = map_of(&mut decoder, &[(t::STRING, &meta)], &[]);
    assert_eq!(
        (map.columns[0].type_code, map.columns[0].meta),
        (t::STRING, 1020)
    );
    let mut bytes = 300u16.to_le_bytes().to_vec();
    bytes.extend([b'x'; 300]);
    value_is((t::STRING, &meta), &bytes, Value::Bytes(&[b'x'; 300]));
    value_is((t::STRING, &[0xfe, 10]), b"\x03abc", Value::Bytes(b"abc"));
}

#[test]
fn enum_and_set_come_as_strings() {
    value_is((t::STRING, &[t::ENUM, 1]), &[0], Value::Enum(0));
    value_is((t::STRING, &[t::ENUM, 2]), &[0x2c, 0x01], Value::Enum(300));
    value_is((t::STRING, &[t::SET, 8]), &[0xff; 8], Value::Set(u64::MAX));
    value_is(
        (t::STRING, &[t::SET, 3]),
        &[1, 0, 0x80],
        Value::Set(0x80_0001),
    );
    refused((t::STRING, &[t::ENUM, 3]), &[0; 3], "out of range");
}

#[test]
fn strings_count_in_their_own_width() {
    value_is((t::VARCHAR, &[255, 0]), b"\x01a", Value::Bytes(b"a"));
    value_is((t::VARCHAR, &[0, 1]), b"\x01\0a", Value::Bytes(b"a"));
    for width in 1..=4u8 {
        let mut bytes = 2u32.to_le_bytes()[..usize::from(width)].to_vec();
        bytes.extend(b"\x00\xff");
        for code in [t::BLOB, t::GEOMETRY, t::VECTOR] {
            value_is((code, &[width]), &bytes, Value::Bytes(b"\x00\xff"));
        }
    }
    refused((t::BLOB, &[5]), &[0; 9], "out of range");
    refused((t::BLOB, &[4]), &[0xff, 0xff, 0xff, 0xff, 1], "cut short");
}

#[test]
fn damaged_compressed_columns_are_refused() {
    // An unknown algorithm; a length of no bytes; a stream that is none.
    refused(
        (t::MARIADB_BLOB_COMPRESSED, &[2]),
        &[2, 0, 0x10, 1],
        "header 0x10",
    );
    refused(
        (t::MARIADB_BLOB_COMPRESSED, &[2]),
        &[1, 0, 0x80],
        "header 0x80",
    );
    refused(
        (t::MARIADB_VARCHAR_COMPRESSED, &[255, 0]),
        &[4, 0x81, 9, 0xff, 0xff],
        "compressed column",
    );
}

#[test]
fn the_map_decides_on_the_sign() {
    let mut decoder = decoder();
    // Signedness of TINY, YEAR, LONG: no, yes, yes; VARCHAR is not counted.
    let columns: [Column<'_>; 4] = [
        (t::TINY, &[]),
        (t::VARCHAR, &[9, 0]),
        (t::YEAR, &[]),
        (t::LONG, &[]),
    ];
    let map = map_of(&mut decoder, &columns, &[1, 1, 0b0110_0000]);
    assert_eq!(map.metadata.unsigned, Some(vec![false, false, true, true]));
    let told = RowPlan::new(&map, &[true; 4]).unwrap();
    assert_eq!(told, RowPlan::new(&map, &[false; 4]).unwrap());
    assert!(RowPlan::new(&map, &[false; 3]).is_err());
}
