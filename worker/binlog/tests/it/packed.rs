//! Compressed queries and transactions: bounds, and what does not decompress.

use dm_binlog::{Compression, DecodeError, Event, InnerEvents, column_type as t, type_code as c};

use crate::build::{decode, decoder, event, rows_head, table_map};

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
                .decode_inner(&event(code, b"binlog.000001"))
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
