//! Bugs that are planted to see that the simulation finds them.

/// One planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Votes are acknowledged before they are on disk.
    VoteNotSynced,
    /// Appends are acknowledged before they are on disk.
    AppendNotSynced,
    /// A leader answers reads without asking a quorum whether it still leads.
    StaleRead,
    /// A lease is renewed although its replacement was proposed.
    RenewalAfterReplacement,
    /// A leader renews without proving that it leads.
    RenewalUnproved,
    /// A new leader does not wait for inherited leases.
    NoInheritedWait,
    /// A restarted worker is taken for the process before it.
    IncarnationIgnored,
    /// A repeated request is carried out again.
    DedupeForgets,
}
