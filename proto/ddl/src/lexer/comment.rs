//! Which executable comments the source's server runs.

use crate::context::{Flavor, Server};

/// How a comment that starts here reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// Code: so many bytes of marker, then tokens up to `*/`.
    Active(usize),
    /// Code for another server: skipped, and taken out of resolved text, for the target might run it.
    Inactive,
    /// A comment.
    Plain,
}

/// MariaDB runs no comment of MySQL 5.7 to 9.x: the numbers up to here are MySQL's features.
const MARIADB_IGNORES: std::ops::RangeInclusive<u32> = 50_700..=99_999;

/// Reads the marker at the start of `bytes`, which begin with `/*`.
pub(super) fn opening(bytes: &[u8], server: Server) -> Opening {
    let marker = match (bytes.get(2), bytes.get(3)) {
        (Some(b'!'), _) => 3,
        (Some(b'M'), Some(b'!')) if server.flavor == Flavor::Mariadb => 4,
        // TiDB's, and MariaDB's on MySQL: comments here, code on a target that knows them.
        (Some(b'M' | b'T'), Some(b'!')) => return Opening::Inactive,
        _ => return Opening::Plain,
    };
    let digits = bytes
        .get(marker..)
        .unwrap_or_default()
        .iter()
        .take(6)
        .take_while(|b| b.is_ascii_digit())
        .count();
    let used = match (digits, takes_six_digits(server)) {
        (6, true) => 6,
        (5 | 6, _) => 5,
        _ => return Opening::Active(marker),
    };
    let number = bytes
        .get(marker..marker.saturating_add(used))
        .unwrap_or_default();
    let wanted = number.iter().fold(0_u32, |sum, b| {
        sum.saturating_mul(10)
            .saturating_add(u32::from(b.wrapping_sub(b'0')))
    });
    let ignored =
        server.flavor == Flavor::Mariadb && marker == 3 && MARIADB_IGNORES.contains(&wanted);
    if wanted <= server.version && !ignored {
        Opening::Active(marker.saturating_add(used))
    } else {
        Opening::Inactive
    }
}

/// MySQL took exactly five digits until 8.0; the sixth belonged to the code.
fn takes_six_digits(server: Server) -> bool {
    server.flavor == Flavor::Mariadb || server.version >= 80_100
}

/// Bytes up to and including the end of a comment that starts at the start of `bytes`; comments inside
/// an inactive executable comment are skipped with it. None if it has no end.
pub(super) fn length(bytes: &[u8], nests: bool) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 2;
    loop {
        match (bytes.get(at)?, bytes.get(at.saturating_add(1))) {
            (b'*', Some(b'/')) if depth == 0 => return Some(at.saturating_add(2)),
            (b'*', Some(b'/')) => (depth, at) = (depth.saturating_sub(1), at.saturating_add(2)),
            (b'/', Some(b'*')) if nests && depth == 0 => (depth, at) = (1, at.saturating_add(2)),
            _ => at = at.saturating_add(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MYSQL_57: Server = Server {
        flavor: Flavor::Mysql,
        version: 50_733,
    };
    const MYSQL_97: Server = Server {
        flavor: Flavor::Mysql,
        version: 90_704,
    };
    const MARIA: Server = Server {
        flavor: Flavor::Mariadb,
        version: 110_806,
    };

    #[test]
    fn activity_follows_flavor_and_version() {
        let cases = [
            ("/*!40005 TEMPORARY */", MYSQL_57, Opening::Active(8)),
            ("/*! x */", MYSQL_57, Opening::Active(3)),
            ("/*!80016 x */", MYSQL_57, Opening::Inactive),
            ("/*!80016 x */", MYSQL_97, Opening::Active(8)),
            ("/*!090704 x */", MYSQL_97, Opening::Active(9)),
            ("/*!090705 x */", MYSQL_97, Opening::Inactive),
            ("/*!501001 x */", MYSQL_57, Opening::Active(8)),
            ("/*!80016 x */", MARIA, Opening::Inactive),
            ("/*!50700 x */", MARIA, Opening::Inactive),
            ("/*!50699 x */", MARIA, Opening::Active(8)),
            ("/*!99999 x */", MARIA, Opening::Inactive),
            ("/*!100100 x */", MARIA, Opening::Active(9)),
            ("/*!110900 x */", MARIA, Opening::Inactive),
            ("/*M!100100 x */", MARIA, Opening::Active(10)),
            ("/*M!50701 x */", MARIA, Opening::Active(9)),
            ("/*M! x */", MARIA, Opening::Active(4)),
            ("/*M! x */", MYSQL_97, Opening::Inactive),
            ("/*T! x */", MARIA, Opening::Inactive),
            ("/*T![auto_rand] x */", MYSQL_97, Opening::Inactive),
            ("/*+ hint */", MYSQL_97, Opening::Plain),
            ("/* x */", MYSQL_97, Opening::Plain),
            ("/*", MYSQL_97, Opening::Plain),
        ];
        for (text, server, expected) in cases {
            assert_eq!(
                opening(text.as_bytes(), server),
                expected,
                "{text} {server:?}"
            );
        }
    }

    #[test]
    fn skipped_comments_end_where_the_server_ends_them() {
        assert_eq!(length(b"/* a */ b", false), Some(7));
        assert_eq!(length(b"/* /* */ b */", false), Some(8));
        assert_eq!(length(b"/*! /* */ b */ c", true), Some(14));
        assert_eq!(length(b"/*/", false), None);
        assert_eq!(length(b"/* a", false), None);
    }
}
