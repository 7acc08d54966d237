//! The types that openraft is instantiated with.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openraft::RaftTypeConfig;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

openraft::declare_raft_types!(
    /// openraft's parameters. Leader ids are of the `adv` kind: two candidates of one term don't
    /// block each other, the one with the greater id wins, so an election rarely needs a second round.
    pub TypeConfig:
        D = Payload,
        R = Reply,
        NodeId = u64,
        Node = PeerNode,
);

/// Any parameters of openraft that store the same: those of the simulation differ from [`TypeConfig`] in the runtime only.
pub trait Types:
    RaftTypeConfig<
        D = Payload,
        R = Reply,
        NodeId = u64,
        Node = PeerNode,
        Term = u64,
        LeaderId = LeaderId,
        Vote = Vote,
        Payload = openraft::EntryPayload<Payload, u64, PeerNode>,
        Entry = Entry,
    >
{
}

impl<C> Types for C where
    C: RaftTypeConfig<
            D = Payload,
            R = Reply,
            NodeId = u64,
            Node = PeerNode,
            Term = u64,
            LeaderId = LeaderId,
            Vote = Vote,
            Payload = openraft::EntryPayload<Payload, u64, PeerNode>,
            Entry = Entry,
        >
{
}

/// A term and its leader.
pub type LeaderId = openraft::type_config::alias::LeaderIdOf<TypeConfig>;
/// Id of a log entry.
pub type LogId = openraft::type_config::alias::LogIdOf<TypeConfig>;
/// One log entry.
pub type Entry = openraft::type_config::alias::EntryOf<TypeConfig>;
/// A vote.
pub type Vote = openraft::type_config::alias::VoteOf<TypeConfig>;
/// The membership in force at some entry.
pub type Membership = openraft::type_config::alias::StoredMembershipOf<TypeConfig>;
/// What is known of a snapshot without reading it.
pub type SnapshotMeta = openraft::type_config::alias::SnapshotMetaOf<TypeConfig>;
/// A snapshot with its bytes.
pub type Snapshot = openraft::type_config::alias::SnapshotOf<TypeConfig, Vec<u8>>;

/// How a member is reached. Part of the replicated membership.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerNode {
    /// Name given by the user.
    pub name: String,
    /// `host:port` for other masters.
    pub peer_addr: String,
    /// `host:port` for clients and workers.
    pub client_addr: String,
}

impl fmt::Display for PeerNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.peer_addr)
    }
}

/// A command, opaque here.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Payload(pub Vec<u8>);

/// A machine's answer, opaque here. Empty for entries that carry no command.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Reply(pub Vec<u8>);

macro_rules! opaque_bytes {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self, f)
            }
        }

        // Entries are stored and sent as JSON, where an array of numbers would be four times as long.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&STANDARD.encode(&self.0))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let bytes = STANDARD.decode(text).map_err(serde::de::Error::custom)?;
                Ok(Self(bytes))
            }
        }
    };
}

opaque_bytes!(Payload);
opaque_bytes!(Reply);
