//! How many records there are, for those who plan changes of the catalog.

use std::collections::{BTreeMap, HashMap, hash_map};

use crate::domain::{
    directory::Capability,
    id::{ResourceId, SystemId},
    statement::Statement,
};

use super::{
    Error, Hub,
    projection::{decode, statement_of},
};

impl Hub {
    /// How many current records, whatever their status, follow each version of each resource; for administrators and
    /// auditors. Reads every row of the index, and an entry of the log for each publication that has a current record. Blocks.
    ///
    /// # Errors
    /// When the peer may not.
    pub fn record_counts(&self, peer: &SystemId) -> Result<BTreeMap<(ResourceId, u32), u64>, Error> {
        let snapshot = self.known_peer(peer)?;
        let directory = &snapshot.rules.directory;
        if ![Capability::Administer, Capability::Audit].iter().any(|needed| directory.holds(peer, *needed)) {
            return Err(Error::NotAllowed(Capability::Administer));
        }
        let mut resources: HashMap<u64, ResourceId> = HashMap::new();
        let mut counts = BTreeMap::new();
        for slice in 0..=u8::MAX {
            for row in self.projections.records_of_slice(slice)? {
                let index = row.head.publication_index;
                let resource = match resources.entry(index) {
                    hash_map::Entry::Occupied(known) => known.into_mut(),
                    hash_map::Entry::Vacant(unknown) => unknown.insert(self.published_resource(index)?),
                };
                *counts.entry((resource.clone(), row.head.resource_version)).or_default() += 1;
            }
        }
        Ok(counts)
    }

    /// The resource that a publication was of.
    fn published_resource(&self, index: u64) -> Result<ResourceId, Error> {
        let wrong = || Error::Inconsistent(format!("entry {index} is no publication, and the index says that it is"));
        let bytes = self.reader.entries(index, index + 1, 0)?.pop().ok_or_else(wrong)?;
        match statement_of(index, &decode(index, &bytes)?)? {
            Some(Statement::Publication(_, publication)) => Ok(publication.resource_id),
            _ => Err(wrong()),
        }
    }
}
