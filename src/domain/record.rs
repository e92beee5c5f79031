//! Records: what the rules know of them without seeing their values.

use super::{
    id::{Code, Digest, Handle, KeyId},
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

impl RecordStatus {
    /// The status of an annotated copy of this status of its own, whose original has another: the graver of the two.
    #[must_use]
    pub fn falls_with(self, original: Self) -> Self {
        if original.gravity() > self.gravity() { original } else { self }
    }

    /// How much is over: what may come back, what has run out, what was put out of force.
    fn gravity(self) -> u8 {
        match self {
            Self::Active => 0,
            Self::Suspended => 1,
            Self::Expired => 2,
            Self::Superseded => 3,
            Self::Revoked => 4,
        }
    }
}

/// The civil days on which a record is valid, both inclusive; `None` is without bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Validity {
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub until: Option<Date>,
}

impl Validity {
    /// Whether what has this validity can be valid after all that has another is over, or has no end that says otherwise.
    pub fn outlives(&self, other: &Self) -> bool {
        self.until.is_none_or(|until| other.until.is_some_and(|last| until > last))
    }
}

/// That a record is an annotated copy 加注件 of another: it was made for somebody's use, and falls with its original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotatedCopy {
    /// The record that it was made of.
    pub original: Handle,
    /// The one purpose under which it is released; `None`: any that an agreement allows.
    pub purpose: Option<Code>,
}

impl AnnotatedCopy {
    /// Whether it is released to who asks under a purpose.
    pub fn serves(&self, purpose: &Code) -> bool {
        self.purpose.as_ref().is_none_or(|own| own == purpose)
    }
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
    /// What it is an annotated copy of.
    pub copy: Option<AnnotatedCopy>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_falls_with_its_original_and_never_rises_with_it() {
        use RecordStatus::{Active, Expired, Revoked, Superseded, Suspended};
        for (own, original, status) in [
            (Active, Active, Active),
            (Active, Suspended, Suspended),
            (Active, Expired, Expired),
            (Active, Superseded, Superseded),
            (Active, Revoked, Revoked),
            (Suspended, Active, Suspended),
            (Suspended, Revoked, Revoked),
            (Revoked, Active, Revoked),
            (Revoked, Suspended, Revoked),
            (Expired, Suspended, Expired),
        ] {
            assert_eq!(own.falls_with(original), status, "{own:?} of {original:?}");
        }
    }

    #[test]
    fn a_copy_has_an_end_and_ends_no_later_than_its_original() {
        let until = |year: Option<i16>| Validity { from: None, until: year.map(|year| Date::constant(year, 12, 31)) };
        for (copy, original, outlives) in [
            (Some(2026), Some(2026), false),
            (Some(2025), Some(2026), false),
            (Some(2027), Some(2026), true),
            (Some(2026), None, false),
            (Some(2026), Some(9999), false),
            (None, Some(2026), true),
            (None, None, true),
        ] {
            assert_eq!(until(copy).outlives(&until(original)), outlives, "{copy:?} {original:?}");
        }
    }
}
