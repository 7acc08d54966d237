//! Checksums, unknown types, and small events byte by byte.

use dm_binlog::{DecodeError, Decoder, Event, Header, type_code as c};

use crate::build::{
    checksummed, decode, decoder, event, flagged, format_description, format_description_event,
};

fn rotate_body() -> Vec<u8> {
    let mut body = 4u64.to_le_bytes().to_vec();
    body.extend(b"binlog.000006");
    body
}

#[test]
fn the_fake_rotate_follows_what_was_declared() {
    let expected = |event: Event<'_>| matches!(event, Event::Rotate { position: 4, file } if file == "binlog.000006");
    let plain = flagged(c::ROTATE, Header::FLAG_ARTIFICIAL, &rotate_body());
    assert!(expected(Decoder::new().decode(&plain).unwrap().1));

    let summed = checksummed(c::ROTATE, Header::FLAG_ARTIFICIAL, &rotate_body());
    let mut decoder = Decoder::new();
    decoder.declared_checksum(true);
    assert!(expected(decoder.decode(&summed).unwrap().1));

    // From the first FORMAT_DESCRIPTION on, only that counts.
    decoder
        .decode(&format_description_event("8.0.46", 0))
        .unwrap();
    assert!(expected(decoder.decode(&plain).unwrap().1));
    decoder
        .decode(&format_description_event("8.0.46", 1))
        .unwrap();
    assert!(expected(decoder.decode(&summed).unwrap().1));
    assert!(matches!(
        decoder.decode(&plain),
        Err(DecodeError::Checksum { .. })
    ));
}

#[test]
fn a_description_in_use_has_the_checksum_of_a_closed_one() {
    let mut bytes = checksummed(c::FORMAT_DESCRIPTION, 0, &format_description("8.0.46", 1));
    bytes[17] |= 1;
    Decoder::new().decode(&bytes).unwrap();
    bytes[18] |= 1;
    assert!(matches!(
        Decoder::new().decode(&bytes),
        Err(DecodeError::Checksum { .. })
    ));
}

#[test]
fn a_description_without_checksums_still_ends_with_four_bytes() {
    let mut body = format_description("10.11.6-MariaDB-log", 0);
    body.extend([0xde, 0xad, 0xbe, 0xef]);
    let bytes = event(c::FORMAT_DESCRIPTION, &body);
    let mut decoder = Decoder::new();
    decoder.decode(&bytes).unwrap();
    let description = decoder.format_description().unwrap();
    assert!(description.is_mariadb());
    assert_eq!(description.post_header_lengths.len(), 42);
}

#[test]
fn a_description_from_before_checksums_has_no_tail() {
    let mut body = format_description("5.5.62-log", 8);
    let lengths = 42;
    body.truncate(2 + 50 + 4 + 1 + lengths);
    let mut decoder = Decoder::new();
    decoder
        .decode(&event(c::FORMAT_DESCRIPTION, &body))
        .unwrap();
    assert_eq!(
        decoder
            .format_description()
            .unwrap()
            .post_header_lengths
            .len(),
        lengths
    );
    decoder.decode(&event(c::XID, &7u64.to_le_bytes())).unwrap();
}

#[test]
fn a_flipped_bit_is_seen() {
    let mut decoder = Decoder::new();
    decoder
        .decode(&format_description_event("8.0.46", 1))
        .unwrap();
    let good = checksummed(c::XID, 0, &7u64.to_le_bytes());
    assert!(matches!(decoder.decode(&good).unwrap().1, Event::Xid(7)));
    for byte in 0..good.len() {
        let mut bad = good.clone();
        bad[byte] ^= 0x10;
        assert!(decoder.decode(&bad).is_err(), "byte {byte}");
    }
}

#[test]
fn the_length_must_fit() {
    let mut bytes = event(c::STOP, &[]);
    bytes.push(0);
    assert_eq!(
        decoder().decode(&bytes).unwrap_err(),
        DecodeError::Length {
            declared: 19,
            actual: 20
        }
    );
    assert!(decoder().decode(&[]).is_err());
}

#[test]
fn unknown_types_are_skipped_only_if_ignorable() {
    assert!(matches!(
        decode(&flagged(99, Header::FLAG_IGNORABLE, b"?")),
        Event::Ignorable { type_code: 99 }
    ));
    let bytes = event(99, b"?");
    assert_eq!(
        decoder().decode(&bytes).unwrap_err(),
        DecodeError::UnknownEvent { type_code: 99 }
    );
    for code in [c::IGNORABLE, c::TRANSACTION_CONTEXT, c::VIEW_CHANGE] {
        assert!(matches!(
            decode(&event(code, b"..")),
            Event::Ignorable { .. }
        ));
    }
    for code in [
        c::APPEND_BLOCK,
        c::DELETE_FILE,
        c::BEGIN_LOAD_QUERY,
        c::EXECUTE_LOAD_QUERY,
    ] {
        assert!(matches!(
            decode(&event(code, b"..")),
            Event::StatementLoad { .. }
        ));
    }
    for code in [c::PARTIAL_UPDATE_ROWS, 20, 21, 22, c::START_V3] {
        let bytes = event(code, b"..");
        assert!(
            matches!(
                decoder().decode(&bytes),
                Err(DecodeError::Unsupported { .. })
            ),
            "{code}"
        );
    }
}

#[test]
fn small_events() {
    let start_encryption: Vec<u8> = [vec![1, 2, 0, 0, 0], (0..12).collect()].concat();
    match decode(&flagged(
        c::MARIADB_START_ENCRYPTION,
        Header::FLAG_IGNORABLE,
        &start_encryption,
    )) {
        Event::StartEncryption {
            scheme: 1,
            key_version: 2,
            nonce,
        } => assert_eq!(nonce[11], 11),
        other => panic!("{other:?}"),
    }
    let incident = event(c::INCIDENT, b"\x01\0\x04lost");
    assert!(matches!(decode(&incident), Event::Incident { code: 1, message } if message == "lost"));
    let heartbeat = event(c::HEARTBEAT, b"binlog.000001");
    assert!(
        matches!(decode(&heartbeat), Event::Heartbeat { file, position: None } if file == "binlog.000001")
    );
    let heartbeat = event(
        c::HEARTBEAT_V2,
        b"\x01\x03b.1\x02\x09\xfe\0\0\0\0\x01\0\0\0\x07\x01x\0",
    );
    assert!(
        matches!(decode(&heartbeat), Event::Heartbeat { file, position: Some(0x1_0000_0000) } if file == "b.1")
    );
    // The length byte says 2, the statement is longer.
    assert!(matches!(
        decode(&event(c::ROWS_QUERY, b"\x02SELECT")),
        Event::RowsQuery(b"SELECT")
    ));
    assert!(matches!(
        decode(&event(c::MARIADB_ANNOTATE_ROWS, b"x")),
        Event::MariadbAnnotate(b"x")
    ));
    let prepare = event(c::XA_PREPARE, b"\x01\x01\0\0\0\x01\0\0\0\x02\0\0\0gbb");
    match decode(&prepare) {
        Event::XaPrepare {
            one_phase: true,
            xid,
        } => assert_eq!(
            (xid.format_id, &xid.gtrid[..], &xid.bqual[..]),
            (1, &b"g"[..], &b"bb"[..])
        ),
        other => panic!("{other:?}"),
    }
}
