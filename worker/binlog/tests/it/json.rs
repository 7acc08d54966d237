//! Binary JSON made by hand: what the server writes only after partial updates, and what nobody should.

use dm_binlog::{JSON_DEPTH_MAX, Value, column_type as t};

use crate::build::with_value;

fn read(binary: &[u8]) -> Result<String, String> {
    let mut bytes = u32::try_from(binary.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend(binary);
    let mut result = Err(String::new());
    with_value((t::JSON, &[4]), false, &bytes, |value| {
        result = value.map(|value| match value {
            Value::Json(text) => text.clone(),
            other => panic!("{other:?}"),
        });
    });
    result
}

fn prints(binary: &[u8], text: &str) {
    assert_eq!(read(binary).as_deref(), Ok(text), "{binary:02x?}");
}

/// A value with its type byte.
fn double(number: f64) -> Vec<u8> {
    let mut bytes = vec![11];
    bytes.extend(number.to_le_bytes());
    bytes
}

fn opaque(field_type: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![15, field_type, u8::try_from(data.len()).unwrap()];
    bytes.extend(data);
    bytes
}

#[test]
fn zero_bytes_are_null() {
    prints(&[], "null");
}

#[test]
fn scalars() {
    prints(&[4, 0], "null");
    prints(&[4, 1], "true");
    prints(&[4, 2], "false");
    prints(&[5, 0xff, 0xff], "-1");
    prints(&[6, 0xff, 0xff], "65535");
    prints(&[7, 0, 0, 0, 0x80], "-2147483648");
    prints(&[8, 0xff, 0xff, 0xff, 0xff], "4294967295");
    prints(&[9, 0, 0, 0, 0, 0, 0, 0, 0x80], "-9223372036854775808");
    prints(
        &[10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        "18446744073709551615",
    );
    prints(b"\x0c\x03a\"\x1f", "\"a\\\"\\u001f\"");
}

#[test]
fn doubles_in_the_servers_notation() {
    let cases = [
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (0.1, "0.1"),
        (1e14, "100000000000000.0"),
        (1e15, "1e15"),
        (-1.5e300, "-1.5e300"),
        (1e-15, "0.000000000000001"),
        (1e-16, "1e-16"),
        (f64::MAX, "1.7976931348623157e308"),
        (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
        (123_456.789, "123456.789"),
    ];
    for (number, text) in cases {
        prints(&double(number), text);
    }
    assert!(read(&double(f64::NAN)).is_err());
}

#[test]
fn small_object_with_inlined_and_stored_values() {
    // {"a": 1, "b": [true, null]}
    let object = [
        0, 2, 0, 30, 0, // type, count, size
        18, 0, 1, 0, 19, 0, 1, 0, // keys
        5, 1, 0, 2, 20, 0, // values: int16 inline, array at 20
        b'a', b'b', // key bytes
        2, 0, 10, 0, 4, 1, 0, 4, 0, 0, // array [true, null]
    ];
    prints(&object, r#"{"a": 1, "b": [true, null]}"#);
}

#[test]
fn gaps_of_partial_updates_are_passed_over() {
    // ["x"] with three dead bytes between the entry and the string.
    let array = [2, 1, 0, 12, 0, 12, 10, 0, 0xde, 0xad, 0xbe, 1, b'x'];
    prints(&array, r#"["x"]"#);
}

#[test]
fn large_containers_inline_four_bytes() {
    // [-70000, 70000]
    let mut array = vec![3, 2, 0, 0, 0, 18, 0, 0, 0, 7];
    array.extend((-70_000i32).to_le_bytes());
    array.push(8);
    array.extend(70_000u32.to_le_bytes());
    prints(&array, "[-70000, 70000]");
}

#[test]
fn opaque_values() {
    let packed_time = |hours: i64, minutes: i64, seconds: i64, micros: i64| {
        ((hours << 12 | minutes << 6 | seconds) << 24) + micros
    };
    let packed_date = |year: i64, month: i64, day: i64| ((year * 13 + month) << 5 | day) << 17;
    prints(&opaque(246, &[4, 2, 0x80 + 1, 50]), "1.50");
    prints(
        &opaque(11, &(-packed_time(12, 34, 56, 789_000)).to_le_bytes()),
        "\"-12:34:56.789000\"",
    );
    prints(
        &opaque(10, &(packed_date(2015, 1, 15) << 24).to_le_bytes()),
        "\"2015-01-15\"",
    );
    let moment = (packed_date(2015, 1, 15) << 24) + packed_time(23, 24, 25, 500_000);
    prints(
        &opaque(12, &moment.to_le_bytes()),
        "\"2015-01-15 23:24:25.500000\"",
    );
    prints(
        &opaque(7, &moment.to_le_bytes()),
        "\"2015-01-15 23:24:25.500000\"",
    );
    prints(&opaque(16, &[1]), "\"base64:type16:AQ==\"");
    prints(&opaque(15, &[]), "\"base64:type15:\"");
    // A line of base64 holds 57 bytes, and no line end follows the last one.
    let line = "AAAA".repeat(19);
    prints(
        &opaque(252, &[0; 57]),
        &format!("\"base64:type252:{line}\""),
    );
    prints(
        &opaque(252, &[0; 58]),
        &format!("\"base64:type252:{line}\\nAA==\""),
    );
}

fn nested(depth: usize) -> Vec<u8> {
    let mut value = vec![2u8, 0, 0, 4, 0];
    for _ in 0..depth {
        let size = u32::try_from(8 + 5 + value.len() - 1).unwrap();
        let mut outer = vec![3u8, 1, 0, 0, 0];
        outer.extend(size.to_le_bytes());
        outer.push(value[0]);
        outer.extend(13u32.to_le_bytes());
        outer.extend(&value[1..]);
        value = outer;
    }
    value
}

#[test]
fn depth_is_bounded() {
    prints(
        &nested(100),
        &format!("{}{}", "[".repeat(101), "]".repeat(101)),
    );
    assert!(read(&nested(JSON_DEPTH_MAX)).is_ok());
    assert!(
        read(&nested(JSON_DEPTH_MAX + 1))
            .unwrap_err()
            .contains("deep")
    );
}

#[test]
fn crossed_offsets_do_not_multiply() {
    // Each array's 200 elements all point at the next array: 200^20 values without a limit.
    let mut bytes = Vec::new();
    let (levels, fan) = (20usize, 200usize);
    let each = 8 + 5 * fan;
    let total = each * levels;
    for level in 0..levels {
        bytes.extend(u32::try_from(fan).unwrap().to_le_bytes());
        bytes.extend(u32::try_from(total - level * each).unwrap().to_le_bytes());
        for _ in 0..fan {
            bytes.push(if level + 1 == levels { 4 } else { 3 });
            bytes.extend(
                u32::try_from(if level + 1 == levels { 1 } else { each })
                    .unwrap()
                    .to_le_bytes(),
            );
        }
    }
    bytes.insert(0, 3);
    assert!(read(&bytes).unwrap_err().contains("overlap"));
}

#[test]
fn nonsense_is_refused() {
    for bad in [
        &[4, 3][..],
        &[13],
        &[99, 0],
        &[0, 1, 0, 4, 0],
        &[2, 1, 0, 99, 0, 4, 0, 0],
        &[12, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[5, 1],
    ] {
        assert!(read(bad).is_err(), "{bad:02x?}");
    }
}
