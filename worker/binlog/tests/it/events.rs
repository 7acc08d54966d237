//! Events byte by byte: checksums, boundaries, and events that the golden files do not contain.

use std::sync::Arc;

use dm_binlog::{
    Compression, DecodeError, Decoder, Event, GtidFamily, Header, InnerEvents, RowPlan, RowsKind,
    Value, column_type as t, type_code as c,
};

use crate::build::{
    checksummed, decoder, event, flagged, format_description, format_description_event, map_of,
    rows_head, table_map,
};
use crate::fold::{Folded, split};
use crate::golden::binlog;

fn decode(bytes: &[u8]) -> Event<'_> {
    decoder().decode(bytes).unwrap().1
}

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

#[test]
fn gtid_list_has_flags_above_its_count() {
    let mut body = 0x1000_0001u32.to_le_bytes().to_vec();
    body.extend([3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]);
    match decode(&event(c::MARIADB_GTID_LIST, &body)) {
        Event::GtidList { flags: 1, entries } => {
            assert_eq!(
                (
                    entries.len(),
                    entries[0].domain,
                    entries[0].server,
                    entries[0].seq
                ),
                (1, 3, 4, 5)
            );
        }
        other => panic!("{other:?}"),
    }
}

fn query(vars: &[u8]) -> Vec<u8> {
    let mut body = vec![9, 0, 0, 0, 1, 0, 0, 0, 1, 0x32, 0];
    body.extend(u16::try_from(vars.len()).unwrap().to_le_bytes());
    body.extend(vars);
    body.extend(b"s\0DROP TABLE a, b");
    event(c::QUERY, &body)
}

#[test]
fn status_variables_in_any_order_up_to_an_unknown_one() {
    let vars = [
        &[131, 1, 45, 0, 255, 0][..],
        &[0, 1, 0, 0, 0],
        &[1, 2, 0, 0, 0, 0, 0, 0, 0],
        &[4, 33, 0, 34, 0, 35, 0],
        &[5, 6, b'+', b'0', b'1', b':', b'0', b'0'],
        &[
            6, 3, b's', b't', b'd', 12, 254, 13, 1, 0, 0, 128, 2, 0, 0, 255, 10, 0, 0, 0, 0, 11, 1,
            b'u', 1, b'h',
        ],
        &[130, 4, 1, 2, 3, 4, 5, 6, 7, 8, 130, 2],
        &[18, 255, 0, 16, 1, 77, 1, 1, 1],
    ]
    .concat();
    let bytes = query(&vars);
    let Event::Query(query) = decode(&bytes) else {
        panic!()
    };
    assert_eq!(
        (
            query.thread_id,
            query.error_code,
            query.schema,
            &query.sql[..]
        ),
        (9, 0x32, &b"s"[..], &b"DROP TABLE a, b"[..])
    );
    let status = &query.status;
    assert_eq!(status.character_set_collations, [(45, 255)]);
    assert_eq!(
        (status.flags, status.sql_mode, status.charset),
        (Some(1), Some(2), Some((33, 34, 35)))
    );
    assert_eq!(status.time_zone.as_deref(), Some("+01:00"));
    assert_eq!(
        (&status.updated_databases, status.microseconds),
        (&None, Some(2))
    );
    assert_eq!(
        (status.gtid_flags_extra, status.default_utf8mb4_collation),
        (Some(2), Some(255))
    );
    assert_eq!(
        (status.explicit_defaults_for_timestamp, status.unknown_code),
        (Some(true), Some(77))
    );
}

#[test]
fn updated_databases_are_listed() {
    let bytes = query(&[12, 2, b'a', 0, b'b', b'b', 0]);
    let Event::Query(query) = decode(&bytes) else {
        panic!()
    };
    assert_eq!(
        query.status.updated_databases,
        Some(vec!["a".to_owned(), "bb".to_owned()])
    );
}

#[test]
fn gtids_grow_over_the_versions() {
    let mut body = vec![1];
    body.extend([7; 16]);
    body.extend(9u64.to_le_bytes());
    let mysql = |bytes: &[u8]| match decode(&event(c::GTID, bytes)) {
        Event::Gtid(gtid) => match gtid.family {
            GtidFamily::Mysql(gtid) => gtid,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (mysql(&body).gno, mysql(&body).immediate_commit_timestamp_us),
        (9, None)
    );
    body.push(2);
    body.extend([0; 16]);
    assert_eq!(mysql(&body).transaction_length, None);
    // Immediate time 2 with the top bit: the original time follows.
    body.extend([2, 0, 0, 0, 0, 0, 0x80, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(mysql(&body).original_commit_timestamp_us, Some(1));
    assert_eq!(mysql(&body).immediate_commit_timestamp_us, Some(2));
    body.extend([252, 0x2c, 1]);
    assert_eq!(mysql(&body).transaction_length, Some(300));
    body.extend(80_046u32.to_le_bytes());
    assert_eq!(mysql(&body).original_server_version, Some(80_046));
    let anonymous = event(c::ANONYMOUS_GTID, &body);
    assert!(matches!(decode(&anonymous), Event::Gtid(gtid) if gtid.anonymous));
}

#[test]
fn tagged_gtid_integers_of_every_length() {
    let body_of = |gno: &[u8]| {
        let mut fields = vec![0, 2, 2];
        fields.extend([2 * 3; 16]);
        fields.push(4);
        fields.extend(gno);
        fields.extend([6, 2 * 3, b't', b'a', b'g']);
        let mut body = vec![2, 0, 6];
        body.extend(&fields);
        body[1] = u8::try_from(body.len() * 2).unwrap();
        body
    };
    let gno = |encoded: &[u8]| match decoder().decode(&event(c::GTID_TAGGED, &body_of(encoded))) {
        Ok((_, Event::Gtid(gtid))) => match gtid.family {
            GtidFamily::Mysql(gtid) => {
                assert_eq!((gtid.tag.as_deref(), gtid.sid), (Some("tag"), [3; 16]));
                Ok(gtid.gno)
            }
            other => panic!("{other:?}"),
        },
        Ok((_, other)) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    // Signed numbers are doubled first; then one byte holds 7 bits, two bytes 14, nine bytes all.
    assert_eq!(gno(&[5 << 2]), Ok(5));
    assert_eq!(
        gno(&[
            0x01 | (200u16 << 3).to_le_bytes()[0],
            (200u16 << 3).to_le_bytes()[1]
        ]),
        Ok(200)
    );
    let all = [&[0xff][..], &(1u64 << 40).to_le_bytes()].concat();
    assert_eq!(gno(&all), Ok(1 << 39));
    let eight = (0x7fu64 | (2 * 0x1234_5678_9abc) << 8).to_le_bytes();
    assert_eq!(gno(&eight), Ok(0x1234_5678_9abc));
    assert!(gno(&[6]).is_err(), "negative");
}

#[test]
fn mariadb_gtid_flags() {
    let mut body = 5u64.to_le_bytes().to_vec();
    body.extend(3u32.to_le_bytes());
    let read = |body: &[u8]| match decode(&event(c::MARIADB_GTID, body)) {
        Event::Gtid(gtid) => match gtid.family {
            GtidFamily::Mariadb(gtid) => gtid,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    // Standalone DDL, padded with zeros like 10.5 does.
    let gtid = read(&[&body[..], &[1 | 32, 0, 0, 0, 0, 0, 0]].concat());
    assert_eq!((gtid.domain, gtid.server, gtid.seq), (3, 7, 5));
    assert!(
        gtid.standalone
            && gtid.ddl
            && !gtid.transactional
            && gtid.commit_id.is_none()
            && gtid.thread_id.is_none()
    );
    // Group commit.
    let gtid = read(&[&body[..], &[2 | 4, 9, 0, 0, 0, 0, 0, 0, 0]].concat());
    assert_eq!((gtid.commit_id, gtid.transactional), (Some(9), true));
    // Second half of a two-phase ALTER, with a thread id.
    let gtid = read(
        &[
            &body[..],
            &[1 | 32, 4 | 16, 4, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0],
        ]
        .concat(),
    );
    assert_eq!(
        (gtid.commit_alter, gtid.start_alter_seq, gtid.thread_id),
        (true, Some(4), Some(8))
    );
    // XA.
    let gtid = read(&[&body[..], &[64, 1, 0, 0, 0, 1, 1, b'g', b'b']].concat());
    assert_eq!(
        (gtid.prepared_xa, gtid.xid.unwrap().bqual),
        (true, b"b".to_vec())
    );
}

#[test]
fn null_bits_count_present_columns_only() {
    let mut decoder = decoder();
    let columns = [(t::TINY, &[][..]); 10];
    let map = map_of(&mut decoder, &columns, &[]);
    let plan = RowPlan::new(&map, &[false; 10]).unwrap();
    // Columns 0, 3 and 9 before; 8 and 9 after; one NULL each.
    let mut body = rows_head(10, &[&[0b0000_1001, 0b10], &[0, 0b11]], true);
    body.extend([0b010, 5, 6, 0b01, 7]);
    let bytes = event(c::UPDATE_ROWS_V2, &body);
    let Event::Rows(rows) = decoder.decode(&bytes).unwrap().1 else {
        panic!()
    };
    assert_eq!((rows.kind, rows.stmt_end), (RowsKind::Update, true));
    assert!(
        rows.is_present_before(9)
            && !rows.is_present_before(1)
            && rows.is_present_after(8)
            && !rows.is_present_after(0)
    );
    let changes: Vec<_> = rows.rows(&plan).collect::<Result<_, _>>().unwrap();
    let [change] = changes.as_slice() else {
        panic!()
    };
    let mut before = vec![None; 10];
    (before[0], before[3], before[9]) =
        (Some(Value::Int(5)), Some(Value::Null), Some(Value::Int(6)));
    let mut after = vec![None; 10];
    (after[8], after[9]) = (Some(Value::Null), Some(Value::Int(7)));
    assert_eq!(
        (change.before.as_ref(), change.after.as_ref()),
        (Some(&before), Some(&after))
    );
}

#[test]
fn an_insert_of_defaults_only_is_still_a_row() {
    let mut decoder = decoder();
    let map = map_of(&mut decoder, &[(t::TINY, &[])], &[]);
    let plan = RowPlan::new(&map, &[false]).unwrap();
    let bytes = event(c::WRITE_ROWS_V2, &rows_head(1, &[&[0]], false));
    let Event::Rows(rows) = decoder.decode(&bytes).unwrap().1 else {
        panic!()
    };
    assert_eq!(rows.rows(&plan).count(), 1);
    // But bytes without columns are a contradiction, not an endless supply of rows.
    let bytes = event(
        c::WRITE_ROWS_V2,
        &[rows_head(1, &[&[0]], false), vec![1]].concat(),
    );
    let Event::Rows(rows) = decoder.decode(&bytes).unwrap().1 else {
        panic!()
    };
    let rows: Vec<_> = rows.rows(&plan).collect();
    assert!(matches!(
        rows.as_slice(),
        [Err(DecodeError::Malformed { .. })]
    ));
}

#[test]
fn maps_end_with_the_statement() {
    let columns = [(t::TINY, &[][..])];
    let rows = |stmt_end| {
        event(
            c::WRITE_ROWS_V2,
            &[rows_head(1, &[&[1]], stmt_end), vec![0, 1]].concat(),
        )
    };
    let ends: [Vec<u8>; 4] = [
        rows(true),
        event(c::XID, &[0; 8]),
        query(&[]),
        format_description_event("8.0.46", 0),
    ];
    for end in ends {
        let mut decoder = decoder();
        map_of(&mut decoder, &columns, &[]);
        decoder.decode(&rows(false)).unwrap();
        decoder.decode(&end).unwrap();
        assert!(matches!(
            decoder.decode(&rows(false)),
            Err(DecodeError::MissingTableMap { .. })
        ));
    }
}

#[test]
fn equal_maps_are_shared() {
    let mut decoder = decoder();
    let columns = [(t::TINY, &[][..])];
    let first = map_of(&mut decoder, &columns, &[]);
    decoder.decode(&event(c::XID, &[0; 8])).unwrap();
    assert!(Arc::ptr_eq(&first, &map_of(&mut decoder, &columns, &[])));
    let other = map_of(&mut decoder, &[(t::SHORT, &[])], &[]);
    assert!(!first.same_structure(&other));
}

#[test]
fn the_dummy_table_id_only_ends_the_statement() {
    let mut decoder = decoder();
    let body = [0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 2, 0, 1, 0xff];
    assert!(matches!(
        decoder.decode(&event(c::WRITE_ROWS_V2, &body)).unwrap().1,
        Event::Ignorable { .. }
    ));
}

#[test]
fn column_counts_must_agree() {
    let mut decoder = decoder();
    let map = map_of(&mut decoder, &[(t::TINY, &[])], &[]);
    let bytes = event(c::WRITE_ROWS_V2, &rows_head(2, &[&[3]], true));
    assert_eq!(
        decoder.decode(&bytes).unwrap_err(),
        DecodeError::ColumnCount {
            expected: 1,
            actual: 2
        }
    );
    assert!(RowPlan::new(&map, &[]).is_err());
}

#[test]
fn version_2_extra_data_and_version_1_are_read() {
    let mut decoder = decoder();
    map_of(&mut decoder, &[(t::TINY, &[])], &[]);
    let mut extra = rows_head(1, &[&[1]], false);
    (extra[8], extra[9]) = (5, 0);
    extra.splice(10..10, [1, 2, 3]);
    decoder
        .decode(&event(c::DELETE_ROWS_V2, &[extra, vec![0, 1]].concat()))
        .unwrap();
    let mut first = rows_head(1, &[&[1]], false);
    first.drain(8..10);
    decoder
        .decode(&event(c::DELETE_ROWS_V1, &[first, vec![0, 1]].concat()))
        .unwrap();
}

#[test]
fn mariadb_compression_is_undone_or_refused() {
    use std::io::Write;
    let compress = |plain: &[u8], declared: u32| {
        let mut encoder =
            flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain).unwrap();
        [
            &[0x84][..],
            &declared.to_be_bytes(),
            &encoder.finish().unwrap(),
        ]
        .concat()
    };
    let head = vec![0u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let read = |packed: Vec<u8>| match decoder().decode(&event(
        c::MARIADB_QUERY_COMPRESSED,
        &[head.clone(), packed].concat(),
    )) {
        Ok((_, Event::Query(query))) => Ok(query.sql.into_owned()),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    assert_eq!(read(compress(b"SELECT 1", 8)), Ok(b"SELECT 1".to_vec()));
    assert!(matches!(
        read(compress(b"SELECT 1", 7)),
        Err(DecodeError::Decompress { .. })
    ));
    assert!(matches!(
        read(compress(b"SELECT 1", 9)),
        Err(DecodeError::Decompress { .. })
    ));
    assert!(matches!(
        read(compress(b"SELECT 1", u32::MAX)),
        Err(DecodeError::TooLarge { .. })
    ));
    assert!(matches!(
        read(vec![0x94, 0, 0, 0, 1, 0]),
        Err(DecodeError::Decompress { .. })
    ));
    assert!(matches!(
        read(vec![0x81, 5, b'?']),
        Err(DecodeError::Decompress { .. })
    ));
}

fn payload(algorithm: u8, uncompressed: u32, data: &[u8]) -> Vec<u8> {
    let mut body = vec![2, 1, algorithm];
    if algorithm == 255 {
        body = vec![2, 3, 252, 255, 0];
    }
    body.extend([3, 4, 253]);
    body.extend(&uncompressed.to_le_bytes()[..3]);
    body.extend([1, 3, 252]);
    body.extend(u16::try_from(data.len()).unwrap().to_le_bytes());
    body.push(0);
    body.extend(data);
    event(c::TRANSACTION_PAYLOAD, &body)
}

#[test]
fn payloads_are_bounded_and_walked() {
    let columns = [(t::TINY, &[][..])];
    let inner = [
        event(c::TABLE_MAP, &table_map(&columns, &[])),
        event(
            c::WRITE_ROWS_V2,
            &[rows_head(1, &[&[1]], true), vec![0, 1]].concat(),
        ),
        event(c::XID, &[1; 8]),
    ]
    .concat();
    let size = u32::try_from(inner.len()).unwrap();
    let zstd = zstd::encode_all(&inner[..], 3).unwrap();
    for (algorithm, data) in [(255, inner.clone()), (0, zstd.clone())] {
        let bytes = payload(algorithm, size, &data);
        let mut decoder = decoder();
        let Event::TransactionPayload(payload) = decoder.decode(&bytes).unwrap().1 else {
            panic!()
        };
        assert_eq!(
            payload.algorithm,
            if algorithm == 0 {
                Compression::Zstd
            } else {
                Compression::None
            }
        );
        let plain = payload.decompress(1 << 20).unwrap();
        let kinds: Vec<u8> = InnerEvents::new(&plain)
            .map(|inner| decoder.decode_inner(inner.unwrap()).unwrap().0.type_code)
            .collect();
        assert_eq!(kinds, [c::TABLE_MAP, c::WRITE_ROWS_V2, c::XID]);
        assert!(matches!(
            payload.decompress(10),
            Err(DecodeError::TooLarge { .. })
        ));
    }
    // More or less than declared, or garbage.
    for (declared, data) in [
        (size - 1, &zstd[..]),
        (size + 1, &zstd[..]),
        (size, &zstd[..zstd.len() - 3]),
        (size, b"garbage"),
    ] {
        let bytes = payload(0, declared, data);
        let Event::TransactionPayload(payload) = decode(&bytes) else {
            panic!()
        };
        assert!(matches!(
            payload.decompress(1 << 20),
            Err(DecodeError::Decompress { .. })
        ));
    }
    let bytes = payload(7, size, &inner);
    assert!(matches!(
        decoder().decode(&bytes),
        Err(DecodeError::Unsupported { .. })
    ));
    // What cannot be inside.
    for code in [c::FORMAT_DESCRIPTION, c::TRANSACTION_PAYLOAD, c::ROTATE] {
        assert!(
            decoder()
                .decode_inner(&event(code, &rotate_body()))
                .is_err()
        );
    }
    // A run of bytes that ends inside an event, or claims one shorter than its header.
    assert!(InnerEvents::new(&inner[..inner.len() - 1]).any(|event| event.is_err()));
    let mut short = inner.clone();
    short[9..13].copy_from_slice(&5u32.to_le_bytes());
    assert_eq!(
        InnerEvents::new(&short)
            .map(|event| event.is_err())
            .collect::<Vec<_>>(),
        [true]
    );
}

#[test]
fn metadata_counts_within_classes() {
    for server in ["mysql97", "mariadb118"] {
        let file = binlog(server);
        let mut decoder = Decoder::new();
        let mut found = None;
        for bytes in split(&file) {
            if let (_, Event::TableMap(map)) = decoder.decode(bytes).unwrap()
                && map.table == "meta"
            {
                found = Some(map);
            }
        }
        let map = found.unwrap();
        let metadata = &map.metadata;
        let names = metadata.names.as_ref().unwrap();
        let at = |name: &str| names.iter().position(|known| known == name).unwrap();
        let unsigned = metadata.unsigned.as_ref().unwrap();
        let which: Vec<&str> = names
            .iter()
            .zip(unsigned)
            .filter(|(_, unsigned)| **unsigned)
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(which, ["id", "y", "du", "c", "h"], "{server}");
        let collations = metadata.collations.as_ref().unwrap();
        // latin1_swedish_ci, gbk_chinese_ci, binary.
        assert_eq!(
            [
                collations[at("a")],
                collations[at("t")],
                collations[at("bin")]
            ],
            [Some(8), Some(28), Some(63)],
            "{server}"
        );
        assert_eq!(collations[at("e")], None);
        assert_eq!(
            metadata.enum_set_collations.as_ref().unwrap()[at("s")],
            Some(8)
        );
        let labels = |list: &Option<Vec<Option<Vec<Vec<u8>>>>>, name| {
            list.as_ref().unwrap()[at(name)].clone().unwrap()
        };
        assert_eq!(labels(&metadata.enum_labels, "e"), [b"x", b"y"]);
        assert_eq!(labels(&metadata.set_labels, "s"), [b"p", b"q"]);
        assert_eq!(metadata.primary_key.as_deref(), Some(&[(0, 0), (1, 3)][..]));
        assert!(metadata.geometry_types.as_ref().unwrap()[at("g")].is_some());
        if server == "mysql97" {
            assert!(!metadata.visible.as_ref().unwrap()[at("inv")]);
            assert_eq!(
                metadata.vector_dimensions.as_ref().unwrap()[at("v")],
                Some(2)
            );
        }
    }
}

#[test]
fn real_boundaries() {
    let mysql = Folded::of_file(&binlog("mysql97")).unwrap();
    let has = |folded: &Folded, text: &str| folded.events.iter().any(|event| event.contains(text));
    assert!(has(&mysql, "tag: Some(\"my_tag\")"));
    assert!(has(&mysql, "XaPrepare(false golden branch)") && has(&mysql, "XaPrepare(true one )"));
    assert!(has(&mysql, "Payload(Zstd)"));
    assert!(has(&mysql, ") START TRANSACTION)"));
    assert!(has(&mysql, "UserVar") && has(&mysql, "Rand {") && has(&mysql, "IntVar"));
    assert!(has(&mysql, "RowsQuery(INSERT INTO gipk"));
    let mariadb = Folded::of_file(&binlog("mariadb118")).unwrap();
    assert!(has(&mariadb, "prepared_xa: true") && has(&mariadb, "completed_xa: true"));
    assert!(has(&mariadb, "start_alter: true") && has(&mariadb, "start_alter_seq: Some("));
    assert!(has(&mariadb, "Annotate(INSERT INTO ints"));
    for code in [
        c::MARIADB_QUERY_COMPRESSED,
        c::MARIADB_WRITE_ROWS_COMPRESSED_V1,
        c::MARIADB_UPDATE_ROWS_COMPRESSED_V1,
        c::MARIADB_DELETE_ROWS_COMPRESSED_V1,
    ] {
        assert!(mariadb.codes.contains(&code), "{code}");
    }
}
