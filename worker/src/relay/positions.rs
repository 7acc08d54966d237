//! Where a relay log stands: three promises, three types.

use std::fmt;

/// A byte in a relay log: sub-directory, file, offset. Ordered as the log was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Number at the end of the sub-directory's name.
    pub suffix: u32,
    /// Number at the end of the file's name.
    pub sequence: u64,
    /// In the file.
    pub offset: u64,
    /// The sub-directory.
    pub folder: String,
    /// The file.
    pub file: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.folder, self.file, self.offset)
    }
}

/// Handed to the operating system: a crash of the machine may lose it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Appended(pub Place);

/// On the disk. Only the thread that synced the file makes one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Durable(Place);

/// Told to others: never beyond [`Durable`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Published(Place);

impl Durable {
    /// After a sync of everything up to `appended`.
    pub(super) fn synced(appended: &Appended) -> Self {
        Self(appended.0.clone())
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.0
    }

    /// To be told.
    pub fn publish(&self) -> Published {
        Published(self.0.clone())
    }
}

impl Published {
    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.0
    }
}
