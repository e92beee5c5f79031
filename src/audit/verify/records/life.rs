//! One record's life: each thing that entries say of it is held against what was said before.

use std::collections::BTreeSet;

use crate::{
    domain::{
        catalog::Resource,
        decide::{is_released, released_status},
        directory::Key,
        id::{Digest, Handle, KeyId},
        identifier::Uscc,
        record::{AnnotatedCopy, RecordHead, RecordStatus, Successor, Validity},
        rules::Rules,
        time::{Moment, Time, date_of_days},
    },
    wire::status_from_number,
};

use super::{
    super::{Fault, carry::Due, findings::Findings, suspects::Compromises},
    Copied, Deed, Published, Released, Replaced, Said,
};

/// One record on its way through the log.
pub(super) struct Life<'a> {
    pub(super) handle: Handle,
    current: Option<Current>,
    /// What replaced it first.
    successor: Option<Successor>,
    /// What it has replaced.
    replaced: BTreeSet<Vec<u8>>,
    rules: &'a Rules,
    compromises: &'a Compromises,
}

/// The version that is current.
struct Current {
    resource_id: String,
    head: RecordHead,
}

impl<'a> Life<'a> {
    /// A record of which nothing was said yet.
    pub(super) fn new(handle: Handle, rules: &'a Rules, compromises: &'a Compromises) -> Self {
        Self { handle, current: None, successor: None, replaced: BTreeSet::new(), rules, compromises }
    }
}

impl Life<'_> {
    /// The log's end: what is current is to be carried over.
    pub(super) fn end(self, due: &mut Due) {
        let Some(current) = self.current else { return };
        due.insert(current.head.publication_index);
        self.successor.into_iter().for_each(|successor| due.insert(successor.publication_index));
    }

    pub(super) fn follow(&mut self, index: u64, said: &Said, findings: &mut Findings) {
        let handle = self.handle;
        let mut find = |rule, message: String| {
            if said.is_sealed {
                findings.add(Some(index), rule, format!("record {handle}: {message}"));
            }
        };
        match &said.deed {
            Some(Deed::Published(published)) => {
                self.check_published(index, said, published, &mut find);
                if published.is_accepted {
                    self.replaced.extend(Some(&published.replaces).filter(|handle| !handle.is_empty()).cloned());
                    self.current = head(handle, index, said, published)
                        .map(|head| Current { resource_id: said.resource_id.clone(), head });
                }
            }
            Some(Deed::Released(released)) => self.check_released(index, said, released, &mut find),
            Some(Deed::Withheld(publication)) => drop(self.check_current(said, *publication, &mut find)),
            Some(Deed::Replaced(replaced)) => {
                self.check_replaced(index, said, replaced, &mut find);
                let by = replaced.by.as_slice().try_into().map(Handle);
                let new = || by.ok().map(|handle| Successor { handle, publication_index: index });
                self.successor = self.successor.or_else(new);
            }
            Some(Deed::Copied(copied)) => self.check_copied(index, said, copied, &mut find),
            Some(Deed::Consulted(publication)) => self.check_consulted(index, said, *publication, &mut find),
            None => {}
        }
    }

    fn check_published(&self, index: u64, said: &Said, published: &Published, find: &mut impl FnMut(Fault, String)) {
        let next = self.current.as_ref().map_or(1, |current| current.head.version.saturating_add(1));
        let follows = said.version == next || (published.is_carried && said.version > next);
        if follows && published.is_version_rejected {
            find(Fault::RecordVersion, format!("version {next} was rejected, though it is the next"));
        }
        self.check_issuer(index, said, published, find);
        if !published.is_accepted {
            return;
        }
        if !follows {
            find(Fault::RecordVersion, format!("version {} was accepted, the next was {next}", said.version));
        }
        let is_new = !published.replaces.is_empty() && !self.replaced.contains(&published.replaces);
        if is_new && self.successor.is_some() && !published.is_carried {
            find(
                Fault::RecordSuccession,
                "it was accepted as another's successor, though it is itself replaced".to_owned(),
            );
        }
        if let Some(current) = self.current.as_ref().filter(|current| current.resource_id != said.resource_id) {
            find(Fault::RecordInvalid, format!("its handle is that of a record of {}", current.resource_id));
        }
    }

    /// A record is continued by the department that published its current version, or by one that was granted to succeed it.
    fn check_issuer(&self, index: u64, said: &Said, published: &Published, find: &mut impl FnMut(Fault, String)) {
        // A key that nobody has is found elsewhere.
        let Some((issuer, owner, may)) = self.continued_by(index, said, &published.issuer_key) else { return };
        if published.is_accepted && !may {
            let owner = owner.map(|owner| owner.to_string()).unwrap_or_default();
            find(Fault::RecordForeign, format!("{issuer} published it, though it is a record of {owner}"));
        }
        if published.is_issuer_rejected && may {
            find(
                Fault::RecordForeign,
                format!("it was rejected as another department's, though {issuer} may continue it"),
            );
        }
    }

    /// The department that a key is of, the one that published the current version, and whether the first may continue it.
    fn continued_by(&self, index: u64, said: &Said, issuer_key: &[u8]) -> Option<(Uscc, Option<Uscc>, bool)> {
        let keys = &self.rules.directory.keys;
        let department = |key: Option<&Key>| key.map(|key| *key.system.department());
        let owner = self.current.as_ref().and_then(|current| department(keys.get(&current.head.issuer_key)));
        let issuer = department(keys.get(&KeyId(issuer_key.try_into().ok()?)))?;
        let may = owner.is_none_or(|owner| owner == issuer || self.succeeds(index, said, &issuer, &owner));
        Some((issuer, owner, may))
    }

    /// A record is replaced once, by one of its own resource, and by the department that may continue it. What was carried over was
    /// checked in its own log, and the versions that it rested on then may not have been carried over.
    fn check_replaced(&self, index: u64, said: &Said, replaced: &Replaced, find: &mut impl FnMut(Fault, String)) {
        let by = hex::encode(&replaced.by);
        if self.successor.is_some_and(|known| known.handle.0 != *replaced.by) {
            find(Fault::RecordSuccession, format!("{by} was accepted as its successor, though it has one"));
        }
        if replaced.is_carried {
            return;
        }
        if self.current.as_ref().is_none_or(|current| current.resource_id != said.resource_id) {
            let message = format!("{by} was accepted as its successor, and {} has no such record", said.resource_id);
            find(Fault::RecordSuccession, message);
        } else if self.continued_by(index, said, &replaced.issuer_key).is_some_and(|(.., may)| !may) {
            find(Fault::RecordSuccession, format!("{by} of another department was accepted as its successor"));
        }
    }

    /// A copy is made of a record that there is, by the department that may continue it, and has an end no later than that one's.
    fn check_copied(&self, index: u64, said: &Said, copied: &Copied, find: &mut impl FnMut(Fault, String)) {
        if copied.is_carried {
            return;
        }
        let copy = hex::encode(&copied.copy);
        let current = self.current.as_ref().filter(|current| current.resource_id == said.resource_id);
        let Some(current) = current else {
            let message = format!("{copy} was accepted as its copy, and {} has no such record", said.resource_id);
            return find(Fault::RecordCopy, message);
        };
        if self.continued_by(index, said, &copied.issuer_key).is_some_and(|(.., may)| !may) {
            find(Fault::RecordCopy, format!("{copy} of another department was accepted as its copy"));
        }
        let validity = Validity { from: None, until: copied.valid_until.map(date_of_days) };
        if validity.outlives(&current.head.validity) {
            find(Fault::RecordCopy, format!("{copy} was accepted as its copy, and ends later, or never"));
        }
    }

    /// What the status of a copy was made to rest on was current, and of that status.
    fn check_consulted(&self, index: u64, said: &Said, publication: u64, find: &mut impl FnMut(Fault, String)) {
        let current = self.current.as_ref().filter(|current| current.resource_id == said.resource_id);
        let Some(Current { head, .. }) = current.filter(|current| current.head.publication_index == publication) else {
            let message = format!("a copy was released on what entry {publication} said of it, which was not current");
            return find(Fault::OriginalDiffers, message);
        };
        let Some((status, time)) = status_from_number(said.status).zip(Time::from_millis(said.time)) else { return };
        self.check_status((index, time), status, head, None, find);
    }

    fn succeeds(&self, index: u64, said: &Said, issuer: &Uscc, owner: &Uscc) -> bool {
        let right = said
            .resource_id
            .parse()
            .ok()
            .and_then(|resource| self.rules.issuing_rights.standing_at(&resource, issuer, index));
        let time = Time::from_millis(said.time);
        right
            .zip(time)
            .is_some_and(|(right, time)| right.grant.succeeds.contains(owner) && right.is_valid(&Moment::new(time)))
    }

    fn check_released(&self, index: u64, said: &Said, released: &Released, find: &mut impl FnMut(Fault, String)) {
        let Some(head) = self.check_current(said, released.publication_index, find) else { return };
        let Some((status, time)) = status_from_number(said.status).zip(Time::from_millis(said.time)) else { return };
        let original = status_from_number(released.original_status).filter(|_| !released.original.is_empty());
        self.check_status((index, time), status, head, original, find);
        let due = head.copy.as_ref().map(|copy| copy.original.0.to_vec()).unwrap_or_default();
        if released.original != due {
            let message = format!(
                "its original is entered as [{}], it is [{}]",
                hex::encode(&released.original),
                hex::encode(due)
            );
            find(Fault::OriginalDiffers, message);
        }
        let serves = match (&head.copy, released.purpose.parse()) {
            (Some(copy), Ok(purpose)) => copy.serves(&purpose),
            (copy, _) => copy.is_none(),
        };
        let resource = self.rules.catalog.version(&said.resource_id, head.resource_version).map(AsRef::as_ref);
        let due = |code: &&str| serves && is_released(status, resource, code, released.is_successor);
        let due: Vec<_> = released.asked.split(' ').filter(due).collect();
        let (given, due) = (released.released.as_ref().unwrap_or(&released.asked), due.join(" "));
        if *given != due {
            find(Fault::FieldsDiffer, format!("released are [{given}], due were [{due}]"));
        }
        self.check_successor(head, resource, released, find);
    }

    /// Who looks a record up by its identifier, and asks for it, learns what replaced it, if that meets the row condition.
    fn check_successor(
        &self,
        head: &RecordHead,
        resource: Option<&Resource>,
        released: &Released,
        find: &mut impl FnMut(Fault, String),
    ) {
        let asks =
            |resource: &Resource| released.asked.split(' ').any(|code| code == resource.record_id_field.as_str());
        let learns = released.is_record_lookup && resource.is_some_and(asks);
        let head = RecordHead { successor: self.successor, ..head.clone() };
        let due = head.replaced_by().filter(|_| learns).map(|handle| handle.0.to_vec()).unwrap_or_default();
        if released.successor != due && !released.withheld.contains(&due) {
            let told = |handle: &[u8]| if handle.is_empty() { "none".to_owned() } else { hex::encode(handle) };
            let message = format!("released as its successor is {}, due was {}", told(&released.successor), told(&due));
            find(Fault::SuccessorDiffers, message);
        }
    }

    /// The current version of the record, if it is the one that an entry says was found.
    fn check_current(
        &self,
        said: &Said,
        publication_index: u64,
        find: &mut impl FnMut(Fault, String),
    ) -> Option<&RecordHead> {
        let current = self.current.as_ref().filter(|current| current.resource_id == said.resource_id);
        let Some(Current { head, .. }) = current else {
            find(Fault::RecordUnpublished, format!("no earlier entry published it as of {}", said.resource_id));
            return None;
        };
        if (said.version, said.jwt_sha256.as_slice(), publication_index)
            != (head.version, &head.jwt_sha256.0, head.publication_index)
        {
            let message = format!(
                "released is version {} (JWT {}) of entry {publication_index}, current was version {} (JWT {}) of entry {}",
                said.version,
                hex::encode(&said.jwt_sha256),
                head.version,
                head.jwt_sha256,
                head.publication_index
            );
            find(Fault::RecordNotCurrent, message);
            return None;
        }
        Some(head)
    }

    fn check_status(
        &self,
        (index, time): (u64, Time),
        status: RecordStatus,
        head: &RecordHead,
        original: Option<RecordStatus>,
        find: &mut impl FnMut(Fault, String),
    ) {
        let offset = self.rules.policy.civil_day_offset_seconds;
        let head = &RecordHead { successor: self.successor, ..head.clone() };
        let due = |is_suspect| {
            let own = released_status(head, is_suspect, &Moment::new(time), offset);
            original.map_or(own, |original| own.falls_with(original))
        };
        let compromise = self.compromises.of_signed(&head.issuer_key, head.published_at, index);
        if status == due(compromise.is_some()) {
            return;
        }
        match compromise.filter(|_| status == due(false)) {
            Some(compromise) => {
                let message = format!(
                    "it was released as {}, though published by entry {} under a key that {compromise}",
                    name(status),
                    head.publication_index
                );
                find(Fault::RecordSuspect, message);
            }
            None => {
                let message = format!(
                    "its status is entered as {}, the log shows {}",
                    name(status),
                    name(due(compromise.is_some()))
                );
                find(Fault::RecordStatus, message);
            }
        }
    }
}

fn head(handle: Handle, index: u64, said: &Said, published: &Published) -> Option<RecordHead> {
    let jwt_sha256 = Digest(said.jwt_sha256.as_slice().try_into().ok()?);
    Some(RecordHead {
        handle,
        version: said.version,
        resource_version: published.resource_version,
        status: status_from_number(said.status)?,
        validity: Validity {
            from: published.valid_from.map(date_of_days),
            until: published.valid_until.map(date_of_days),
        },
        jwt_sha256,
        // What the provider's row was does not matter here.
        source_digest: Digest([0; 32]),
        publication_index: index,
        published_at: Time::from_millis(said.time)?,
        issuer_key: KeyId(published.issuer_key.as_slice().try_into().ok()?),
        // The record's life keeps it, over all versions.
        successor: None,
        copy: match published.original.as_slice().try_into() {
            Ok(original) => Some(AnnotatedCopy {
                original: Handle(original),
                purpose: Some(&published.purpose)
                    .filter(|purpose| !purpose.is_empty())
                    .map(|p| p.parse())
                    .transpose()
                    .ok()?,
            }),
            Err(_) => None,
        },
    })
}

fn name(status: RecordStatus) -> String {
    format!("{status:?}").to_uppercase()
}
