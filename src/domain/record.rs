//! Records: what the rules know of them without seeing their values.

use super::{
    id::{Digest, Handle, KeyId},
    time::{Date, Moment, Time, date_of_days, days_of_date},
};

/// A record's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordStatus {
    /// In force 现势.
    Active,
    /// Suspended 暂停.
    Suspended,
    /// Revoked 注销.
    Revoked,
    /// Past its validity 过期; found by the hub, never published.
    Expired,
    /// Replaced by another record 被替换.
    Superseded,
}

/// The civil days on which a record is valid, both inclusive; `None` is without bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Validity {
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub until: Option<Date>,
}

/// The current version of a record, as the log made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordHead {
    /// The record's name in the log.
    pub handle: Handle,
    /// Counts from 1.
    pub version: u32,
    /// The version of the resource's catalog entry that it follows.
    pub resource_version: u32,
    /// The status published.
    pub status: RecordStatus,
    /// The days on which it is valid.
    pub validity: Validity,
    /// The SHA-256 of its JWT, which names its body.
    pub jwt_sha256: Digest,
    /// Tells its provider whether the source row changed.
    pub source_digest: Digest,
    /// The index of the publication entry that made it current.
    pub publication_index: u64,
    /// When that was.
    pub published_at: Time,
    /// The key that signed the JWT.
    pub issuer_key: KeyId,
    /// What replaced it, whichever of its versions was current then.
    pub successor: Option<Successor>,
}

/// The record that replaced another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Successor {
    /// Its name in the log.
    pub handle: Handle,
    /// The index of the publication entry by which it took the other's place.
    pub publication_index: u64,
}

impl RecordHead {
    /// The record that took its place, unless it was revoked: who asks for a revoked record is told that.
    pub fn replaced_by(&self) -> Option<Handle> {
        self.successor.filter(|_| self.status != RecordStatus::Revoked).map(|successor| successor.handle)
    }

    /// The status at a moment: of a record that another replaced SUPERSEDED; else a published status stands; an ACTIVE record past its last day is EXPIRED, and one before
    /// its first day is SUSPENDED, since it is not in force yet.
    pub fn status_at(&self, now: &Moment, civil_day_offset: i32) -> RecordStatus {
        if self.replaced_by().is_some() {
            return RecordStatus::Superseded;
        }
        if self.status != RecordStatus::Active {
            return self.status;
        }
        if let Some(last) = self.validity.until {
            let after = date_of_days(days_of_date(last) + 1);
            // 9999-12-31 stands for "without end" in departments' data; there is no day after it.
            if after != last && now.reached(Time::start_of(after, civil_day_offset)) {
                return RecordStatus::Expired;
            }
        }
        match self.validity.from {
            Some(first) if !now.reached(Time::start_of(first, civil_day_offset)) => RecordStatus::Suspended,
            _ => RecordStatus::Active,
        }
    }
}
