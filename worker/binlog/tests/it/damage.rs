//! Damaged bytes give an error or an event, never a panic, and never memory out of proportion.

use dm_binlog::{Decoder, Event, InnerEvents, RowPlan};

use crate::fold::split;
use crate::golden::{SERVERS, binlog};

/// Memory that an inner payload may take here; far below the decoder's own limit, to stay fast.
const PAYLOAD_BYTES_MAX: u64 = 1 << 20;

/// Uses everything that an event offers.
fn exhaust(decoder: &mut Decoder, event: &Event<'_>) {
    match event {
        Event::Rows(rows) => {
            let unsigned = vec![false; rows.map.columns.len()];
            if let Ok(plan) = RowPlan::new(&rows.map, &unsigned) {
                rows.rows(&plan).for_each(drop);
            }
        }
        Event::TransactionPayload(payload) => {
            let Ok(plain) = payload.decompress(PAYLOAD_BYTES_MAX) else {
                return;
            };
            for inner in InnerEvents::new(&plain).flatten() {
                if let Ok((_, event)) = decoder.decode_inner(inner) {
                    exhaust(decoder, &event);
                }
            }
        }
        _ => {}
    }
}

/// Decodes bytes of any kind; the header's length is made right so that damage gets past it.
fn feed(decoder: &mut Decoder, bytes: &mut [u8]) {
    let length = u32::try_from(bytes.len()).unwrap().to_le_bytes();
    if let Some(declared) = bytes.get_mut(9..13) {
        declared.copy_from_slice(&length);
    }
    if let Ok((_, event)) = decoder.decode(bytes) {
        exhaust(decoder, &event);
    }
}

/// The file's events without their checksums, after a FORMAT_DESCRIPTION event that declares none: so
/// damage reaches the bodies.
fn unchecked(file: &[u8]) -> Vec<Vec<u8>> {
    let mut events: Vec<Vec<u8>> = split(file).into_iter().map(<[u8]>::to_vec).collect();
    let description = &mut events[0];
    let algorithm = description.len() - 5;
    assert_eq!(description[algorithm], 1, "the file has checksums");
    description[algorithm] = 0;
    for event in &mut events[1..] {
        event.truncate(event.len() - 4);
    }
    events
}

/// Feeds all events in order, with `damaged` standing in for the one at `index`.
struct Stage {
    events: Vec<Vec<u8>>,
}

impl Stage {
    /// A decoder that has seen everything before `index` of the same statement, and the description.
    fn decoder_at(&self, index: usize) -> Decoder {
        let mut decoder = Decoder::new();
        decoder.decode(&self.events[0]).unwrap();
        for event in &self.events[index.saturating_sub(6).max(1)..index.max(1)] {
            let _ = decoder.decode(event);
        }
        decoder
    }
}

#[test]
fn every_truncation_of_every_event() {
    for server in SERVERS {
        let stage = Stage {
            events: unchecked(&binlog(server)),
        };
        for (index, event) in stage.events.iter().enumerate() {
            let decoder = stage.decoder_at(index);
            for length in 0..event.len() {
                feed(&mut decoder.clone(), &mut event[..length].to_vec());
            }
        }
    }
}

#[test]
fn truncations_never_pass_for_the_whole() {
    for server in SERVERS {
        let file = binlog(server);
        let mut decoder = Decoder::new();
        for event in split(&file) {
            for length in 19..event.len() {
                assert!(decoder.decode(&event[..length]).is_err());
                // With a length that fits, the checksum sees it; only a FORMAT_DESCRIPTION event says
                // itself whether it has one.
                if event[4] == dm_binlog::type_code::FORMAT_DESCRIPTION {
                    continue;
                }
                let mut bytes = event[..length].to_vec();
                bytes[9..13].copy_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
                assert!(
                    decoder.decode(&bytes).is_err(),
                    "{server}: {length} of {event:02x?}"
                );
            }
            decoder.decode(event).unwrap();
        }
    }
}

/// xorshift: the tests need variety, not quality.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(below.max(1)).unwrap()).unwrap()
    }
}

#[test]
fn random_mutations() {
    let rounds: usize = std::env::var("DM_BINLOG_MUTATIONS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(20_000);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for server in SERVERS {
        let stage = Stage {
            events: unchecked(&binlog(server)),
        };
        for _ in 0..rounds {
            let index = random.next(stage.events.len());
            let mut decoder = stage.decoder_at(index);
            let mut bytes = stage.events[index].clone();
            for _ in 0..=random.next(4) {
                let at = random.next(bytes.len());
                bytes[at] = match random.next(4) {
                    0 => 0xff,
                    1 => 0,
                    2 => bytes[at] ^ (1 << random.next(8)),
                    _ => u8::try_from(random.next(256)).unwrap(),
                };
            }
            if random.next(4) == 0 {
                let keep = random.next(bytes.len() + 1);
                bytes.truncate(keep);
            }
            feed(&mut decoder, &mut bytes);
            // A damaged TABLE_MAP shows in the rows that follow.
            for following in stage.events.iter().skip(index + 1).take(2) {
                feed(&mut decoder, &mut following.clone());
            }
        }
    }
}
