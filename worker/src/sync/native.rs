//! MariaDB's UUID, INET4 and INET6: the bytes that the binlog has become the text that a statement takes. Pure.

use std::net::{Ipv4Addr, Ipv6Addr};

use dm_ddl::TypeKind;

/// The text of a stored value, or `None` when it is too long or of another type. The binlog cuts trailing zero bytes.
pub(crate) fn text(kind: TypeKind, stored: &[u8]) -> Option<String> {
    match kind {
        TypeKind::Inet4 => Some(Ipv4Addr::from(filled::<4>(stored)?).to_string()),
        TypeKind::Inet6 => Some(Ipv6Addr::from(filled::<16>(stored)?).to_string()),
        TypeKind::Uuid => {
            Some(uuid::Uuid::from_bytes(in_text_order(filled::<16>(stored)?)).to_string())
        }
        _ => None,
    }
}

fn filled<const N: usize>(stored: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    bytes.get_mut(..stored.len())?.copy_from_slice(stored);
    Some(bytes)
}

/// Versions 1 to 5 are stored with their groups reversed, so that the ones that grow with time sort well; the others as written.
fn in_text_order(stored: [u8; 16]) -> [u8; 16] {
    let [
        n0,
        n1,
        n2,
        n3,
        n4,
        n5,
        clock,
        c1,
        version,
        h1,
        m0,
        m1,
        l0,
        l1,
        l2,
        l3,
    ] = stored;
    if clock & 0x80 == 0 || !(0x01..0x60).contains(&version) {
        return stored;
    }
    [
        l0, l1, l2, l3, m0, m1, version, h1, clock, c1, n0, n1, n2, n3, n4, n5,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_forms_become_texts() {
        assert_eq!(text(TypeKind::Inet4, &[10, 1]).as_deref(), Some("10.1.0.0"));
        assert_eq!(text(TypeKind::Inet6, &[]).as_deref(), Some("::"));
        assert_eq!(text(TypeKind::Inet6, &[0; 17]), None);
        assert_eq!(text(TypeKind::Binary, &[1]), None);
        let stored = [
            0x42, 0x66, 0x14, 0x17, 0x40, 0x00, 0xa4, 0x56, 0x12, 0xd3, 0xe8, 0x9b, 0x12, 0x3e,
            0x45, 0x67,
        ];
        assert_eq!(
            text(TypeKind::Uuid, &stored).as_deref(),
            Some("123e4567-e89b-12d3-a456-426614174000")
        );
        // Version 7 is stored as it is written.
        let stored = [
            0x01, 0x8f, 0x2b, 0x3c, 0x4d, 0x5e, 0x70, 0x01, 0x82, 0x03, 0x04, 0x05, 0x06, 0x07,
            0x08, 0x09,
        ];
        assert_eq!(
            text(TypeKind::Uuid, &stored).as_deref(),
            Some("018f2b3c-4d5e-7001-8203-040506070809")
        );
    }
}
