//! A column as written → the column that the server makes of it.

use super::charset::{Charset, binary_collation, bytes_per_char_max, resolve};
use super::{Column, Type, TypeKind};
use crate::context::{Flavor, Server};
use crate::statement::{CharsetClause, ColumnDef};

/// The column that a definition makes in a table of these defaults.
pub(super) fn column(definition: &ColumnDef, defaults: &Charset, server: Server) -> Column {
    let mut ty = definition.ty.clone();
    if ty.has_charset() {
        set_charset(&mut ty, definition.binary_attribute, defaults, server);
    }
    fit_length(&mut ty, server);
    let implied_not_null = ty.kind == TypeKind::Timestamp && server.timestamps_are_not_null();
    let nullable = definition.nullable.unwrap_or(!implied_not_null) && !definition.auto_increment;
    let zero_default = implied_not_null && !nullable && definition.generated.is_none();
    Column {
        name: definition.name.clone(),
        ty,
        nullable: nullable && !definition.row_period,
        generated: definition.generated,
        invisible: definition.invisible,
        auto_increment: definition.auto_increment,
        has_default: definition.has_default || zero_default,
        on_update_now: definition.on_update_now,
    }
}

/// Older servers give the first TIMESTAMP of a definition list, if nothing is said of its value, the
/// current time on insert and update.
pub(super) fn promote_first_timestamp<'a>(
    columns: impl Iterator<Item = (&'a ColumnDef, &'a mut Column)>,
    server: Server,
) {
    if !server.timestamps_are_not_null() {
        return;
    }
    let mut timestamps = columns.filter(|(_, column)| column.ty.kind == TypeKind::Timestamp);
    if let Some((definition, column)) = timestamps.next() {
        let unsaid =
            !definition.has_default && !definition.on_update_now && definition.generated.is_none();
        if unsaid && !column.nullable {
            (column.has_default, column.on_update_now) = (true, true);
        }
    }
}

fn set_charset(ty: &mut Type, binary_attribute: bool, defaults: &Charset, server: Server) {
    let clause = CharsetClause {
        charset: ty.charset.take(),
        collation: ty.collation.take(),
    };
    let mut found = resolve(&clause, defaults, server);
    if binary_attribute && clause.collation.is_none() {
        found.collation = found.charset.as_deref().map(binary_collation);
    }
    assign(ty, found);
}

/// Gives a type a character set. Text in the binary one is of a binary type.
fn assign(ty: &mut Type, charset: Charset) {
    (ty.charset, ty.collation) = (charset.charset, charset.collation);
    if ty.charset.as_deref() != Some("binary") || !ty.kind.is_text() {
        return;
    }
    (ty.charset, ty.collation) = (None, None);
    ty.kind = match ty.kind {
        TypeKind::Char => TypeKind::Binary,
        TypeKind::VarChar => TypeKind::VarBinary,
        TypeKind::TinyText => TypeKind::TinyBlob,
        TypeKind::Text => TypeKind::Blob,
        TypeKind::MediumText => TypeKind::MediumBlob,
        _ => TypeKind::LongBlob,
    };
}

/// CONVERT TO CHARACTER SET: a TEXT grows so that it holds as many characters as before, unless the same
/// statement defines it.
pub(super) fn convert(ty: &mut Type, charset: &Charset, grows: bool) {
    if !ty.has_charset() || ty.charset.as_deref() == Some("binary") {
        return;
    }
    let before = bytes_per_char_max(ty.charset.as_deref());
    assign(ty, charset.clone());
    if let Some(bytes) = blob_bytes_max(ty.kind).filter(|_| grows) {
        let chars = bytes.checked_div(u64::from(before)).unwrap_or(bytes);
        let after = u64::from(bytes_per_char_max(charset.charset.as_deref()));
        ty.kind = blob_kind(ty.kind, chars.saturating_mul(after));
    }
}

fn blob_bytes_max(kind: TypeKind) -> Option<u64> {
    Some(match kind {
        TypeKind::TinyText | TypeKind::TinyBlob => 255,
        TypeKind::Text | TypeKind::Blob => 65_535,
        TypeKind::MediumText | TypeKind::MediumBlob => 16_777_215,
        TypeKind::LongText | TypeKind::LongBlob => 4_294_967_295,
        _ => return None,
    })
}

/// The smallest type of the same family that holds so many bytes.
fn blob_kind(family: TypeKind, bytes: u64) -> TypeKind {
    let kinds = match family.is_text() {
        true => [TypeKind::TinyText, TypeKind::Text, TypeKind::MediumText],
        false => [TypeKind::TinyBlob, TypeKind::Blob, TypeKind::MediumBlob],
    };
    let longest = if family.is_text() {
        TypeKind::LongText
    } else {
        TypeKind::LongBlob
    };
    kinds
        .into_iter()
        .find(|&kind| blob_bytes_max(kind).is_some_and(|max| bytes <= max))
        .unwrap_or(longest)
}

/// Lengths that choose another type, and display widths.
fn fit_length(ty: &mut Type, server: Server) {
    let bytes_of = |length: u32, ty: &Type| {
        u64::from(length).saturating_mul(u64::from(bytes_per_char_max(ty.charset.as_deref())))
    };
    match ty.kind {
        kind if kind.is_integer() => {
            let width = ty.length.unwrap_or_else(|| display_width(kind));
            ty.length = ty.zerofill.then_some(width);
        }
        TypeKind::Text | TypeKind::Blob => {
            // TEXT(0) chooses a type only on newer MySQL.
            let chooses_by_zero = server.flavor == Flavor::Mysql && server.version >= 80_000;
            if let Some(length) = ty
                .length
                .take()
                .filter(|&length| length > 0 || chooses_by_zero)
            {
                ty.kind = blob_kind(ty.kind, bytes_of(length, ty));
            }
        }
        // Without strict mode a VARCHAR that is too long becomes a TEXT.
        TypeKind::VarChar | TypeKind::VarBinary => {
            let bytes = ty
                .length
                .map(|length| bytes_of(length, ty))
                .filter(|&bytes| bytes > 65_535);
            if let Some(bytes) = bytes {
                let family = if ty.kind == TypeKind::VarChar {
                    TypeKind::Text
                } else {
                    TypeKind::Blob
                };
                (ty.kind, ty.length) = (blob_kind(family, bytes), None);
            }
        }
        _ => {}
    }
}

fn display_width(kind: TypeKind) -> u32 {
    match kind {
        TypeKind::TinyInt => 3,
        TypeKind::SmallInt => 5,
        TypeKind::MediumInt => 8,
        TypeKind::BigInt => 20,
        _ => 10,
    }
}
