//! One row of the key tables.

use crate::error::ErrorCode;

/// What a value looks like.
#[derive(Debug, Clone, Copy)]
pub enum Ty {
    /// Any single value, taken as it is written.
    Text,
    /// As [`Ty::Text`], and never shown.
    Secret,
    /// `true` or `false`; `yes`, `no`, `on` and `off` are read too.
    Bool,
    /// A whole number in a range, both ends included.
    Int(i64, i64),
    /// `90s`, `5m`, `1h30m`.
    Duration,
    /// One of these words; the code is the error for others.
    OneOf(&'static [&'static str], &'static ErrorCode),
    /// As [`Ty::OneOf`], in any letter case.
    OneOfAnyCase(&'static [&'static str], &'static ErrorCode),
    /// A list of texts.
    TextList,
    /// A list of numbers from 0 to 255.
    Bytes,
    /// Names and texts.
    TextMap,
    /// These keys.
    Block(&'static [Key]),
    /// A list of blocks with these keys.
    BlockList(&'static [Key]),
    /// Blocks with these keys, under names that the user chooses.
    NamedBlocks(&'static [Key]),
    /// Anything; only for keys whose content is refused or ignored as a whole.
    Any,
}

/// What happens to a key.
#[derive(Debug, Clone, Copy)]
pub enum Treatment {
    /// Does what it does in DM.
    Honoured,
    /// Becomes something of ours; the text says what.
    Mapped(&'static str),
    /// Accepted, and the text says what is different.
    Notice(&'static str),
    /// An error unless harmless, because ignoring it would change what the task does.
    Refused(&'static str),
}

/// One key.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its spelling.
    pub name: &'static str,
    /// What its value looks like.
    pub ty: Ty,
    /// What holds when it is absent, as it would be written.
    pub default: &'static str,
    /// What happens to it.
    pub treatment: Treatment,
    /// Values for which there is neither notice nor refusal. Empty collections are harmless too.
    pub harmless: &'static [&'static str],
    /// False: read, checked, and not kept.
    pub kept: bool,
    /// What it is for.
    pub doc: &'static str,
}

impl Key {
    /// A key that does what it does in DM.
    pub const fn new(name: &'static str, ty: Ty, default: &'static str, doc: &'static str) -> Self {
        Self {
            name,
            ty,
            default,
            treatment: Treatment::Honoured,
            harmless: &[],
            kept: true,
            doc,
        }
    }

    /// A key of the past that DM itself ignores.
    pub const fn obsolete(name: &'static str, ty: Ty, default: &'static str) -> Self {
        Self::new(name, ty, default, "Of older releases of DM.")
            .notice("has no effect, as in DM", &[])
            .dropped()
    }

    /// It becomes something of ours, except for the harmless values.
    pub const fn mapped(mut self, to: &'static str, harmless: &'static [&'static str]) -> Self {
        self.treatment = Treatment::Mapped(to);
        self.harmless = harmless;
        self
    }

    /// It is accepted with a notice, except for the harmless values.
    pub const fn notice(mut self, text: &'static str, harmless: &'static [&'static str]) -> Self {
        self.treatment = Treatment::Notice(text);
        self.harmless = harmless;
        self
    }

    /// It is refused, except for the harmless values.
    pub const fn refused(mut self, why: &'static str, harmless: &'static [&'static str]) -> Self {
        self.treatment = Treatment::Refused(why);
        self.harmless = harmless;
        self
    }

    /// It is not kept in the configuration.
    pub const fn dropped(mut self) -> Self {
        self.kept = false;
        self
    }
}
