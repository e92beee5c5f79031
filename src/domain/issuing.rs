//! Issuing rights 颁发权限: which departments may publish records of a resource beside its provider, and from when to when.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    id::ResourceId,
    identifier::Uscc,
    time::{Moment, Time},
};

/// What a grant says: the right of a department, which is not the provider, to publish records of a resource; or, for the
/// provider, whose records it continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuingGrant {
    /// The resource.
    pub resource_id: ResourceId,
    /// Who may.
    pub department: Uscc,
    /// From when on.
    pub valid_from: Time,
    /// Until when, exclusive.
    pub valid_until: Time,
    /// The departments whose records it may continue, since it took over their jurisdiction.
    pub succeeds: BTreeSet<Uscc>,
}

/// A grant and its life in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuingRight {
    /// What was granted.
    pub grant: IssuingGrant,
    /// Granted by this entry.
    pub granted_index: u64,
    /// Replaced or withdrawn by this entry.
    pub ended_index: Option<u64>,
}

impl IssuingRight {
    /// Whether the right stood when an entry was decided.
    pub fn stood_at(&self, index: u64) -> bool {
        self.granted_index < index && self.ended_index.is_none_or(|ended| index < ended)
    }

    /// Whether the right, while it stands, is valid now.
    pub fn is_valid(&self, now: &Moment) -> bool {
        now.reached(self.grant.valid_from) && !now.reached(self.grant.valid_until)
    }
}

/// All issuing rights, past and present.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssuingRights {
    /// The rights of each department on each resource, in the order in which they were granted; only the last can stand.
    by_resource: BTreeMap<(ResourceId, Uscc), Vec<IssuingRight>>,
}

impl IssuingRights {
    /// The rights that a department has or had on a resource, in the order in which they were granted.
    pub fn of(&self, resource: &ResourceId, department: &Uscc) -> &[IssuingRight] {
        // Cloning a name is a reference count; the borrowed pair has no borrowed key.
        self.by_resource.get(&(resource.clone(), *department)).map_or(&[][..], Vec::as_slice)
    }

    /// The right that stands, valid now or not.
    pub fn standing(&self, resource: &ResourceId, department: &Uscc) -> Option<&IssuingRight> {
        self.of(resource, department).last().filter(|right| right.ended_index.is_none())
    }

    /// The right that stood when an entry was decided.
    pub fn standing_at(&self, resource: &ResourceId, department: &Uscc, index: u64) -> Option<&IssuingRight> {
        self.of(resource, department).iter().find(|right| right.stood_at(index))
    }

    /// All, by resource and department, each pair's in the order in which they were granted.
    pub fn iter(&self) -> impl Iterator<Item = (&(ResourceId, Uscc), &[IssuingRight])> {
        self.by_resource.iter().map(|(pair, rights)| (pair, rights.as_slice()))
    }

    /// Puts a grant in place of the one that stands.
    pub(super) fn grant(&mut self, index: u64, grant: IssuingGrant) {
        let rights = self.by_resource.entry((grant.resource_id.clone(), grant.department)).or_default();
        if let Some(last) = rights.last_mut() {
            last.ended_index.get_or_insert(index);
        }
        rights.push(IssuingRight { grant, granted_index: index, ended_index: None });
    }

    /// Ends the right that stands; `None` where none does.
    pub(super) fn withdraw(&mut self, index: u64, resource: &ResourceId, department: &Uscc) -> Option<()> {
        let last = self.by_resource.get_mut(&(resource.clone(), *department))?.last_mut()?;
        last.ended_index.is_none().then(|| last.ended_index = Some(index))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1_000).unwrap()
    }

    fn grant() -> IssuingGrant {
        IssuingGrant {
            resource_id: "market.licence".parse().unwrap(),
            department: "11430000006122244L".parse().unwrap(),
            valid_from: at(100),
            valid_until: at(200),
            succeeds: BTreeSet::new(),
        }
    }

    #[test]
    fn a_right_stands_from_the_entry_after_its_grant_to_the_one_before_its_end() {
        let (resource, department) = (grant().resource_id, grant().department);
        let mut rights = IssuingRights::default();
        assert_eq!(rights.withdraw(4, &resource, &department), None);
        rights.grant(5, grant());
        rights.grant(8, IssuingGrant { valid_until: at(300), ..grant() });
        assert_eq!(rights.withdraw(10, &resource, &department), Some(()));
        assert_eq!(rights.withdraw(11, &resource, &department), None);
        assert_eq!(rights.standing(&resource, &department), None);
        let until =
            |index| rights.standing_at(&resource, &department, index).map(|right| right.grant.valid_until.as_seconds());
        let expected = [(5, None), (6, Some(200)), (7, Some(200)), (8, None), (9, Some(300)), (10, None), (11, None)];
        for (index, expected) in expected {
            assert_eq!(until(index), expected, "at {index}");
        }
    }

    #[test]
    fn a_decision_on_a_right_stands_until_the_right_begins_or_ends() {
        let right = IssuingRight { grant: grant(), granted_index: 1, ended_index: None };
        for (now, is_valid, stands_until) in
            [(99, false, at(100)), (100, true, at(200)), (199, true, at(200)), (200, false, Time::MAX)]
        {
            let moment = Moment::new(at(now));
            assert_eq!((right.is_valid(&moment), moment.stands_until()), (is_valid, stands_until), "at {now}");
        }
    }
}
