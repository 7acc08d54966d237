//! Transaction ids, statements and boundaries.

use dm_binlog::{Event, GtidFamily, type_code as c};

use crate::build::{decode, decoder, event, query};
use crate::fold::Folded;
use crate::golden::binlog;

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
