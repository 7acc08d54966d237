//! Bitmaps of rows events, and how long a table map lives.

use std::sync::Arc;

use dm_binlog::{DecodeError, Event, RowPlan, RowsKind, Value, column_type as t, type_code as c};

use crate::build::{decoder, event, format_description_event, map_of, query, rows_head};

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
