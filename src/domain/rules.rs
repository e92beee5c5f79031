//! The rules in force, and how entries change them.

use std::sync::Arc;

use super::{
    agreement::{Agreement, AgreementState, AgreementText, AgreementVersion, Agreements},
    calendar::Calendar,
    catalog::Catalog,
    directory::{Directory, Key, System},
    id::{AgreementId, Digest, DomainName, KeyId, ResourceId, SystemId},
    identifier::Uscc,
    issuing::IssuingRights,
    outcome::Effect,
    statement::{Genesis, Header, Policy, RuleChange, Statement},
    time::Time,
};

/// Everything that decisions rest on, made by replaying the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The hub's domain.
    pub hub: DomainName,
    /// The trust domain of its systems.
    pub trust_domain: DomainName,
    /// The log's origin.
    pub origin: String,
    /// What genesis fixed.
    pub policy: Policy,
    /// Where the log continues another: statements must be issued after this time, so that none is in both.
    pub issued_after: Option<Time>,
    /// Departments, systems, keys.
    pub directory: Directory,
    /// The catalog.
    pub catalog: Catalog,
    /// The working days.
    pub calendar: Calendar,
    /// Who may publish records of which resource beside its provider.
    pub issuing_rights: IssuingRights,
    /// The agreements.
    pub agreements: Agreements,
    /// The index of the entry that changed the rules last.
    pub version: u64,
}

/// An entry that cannot follow those before it: the log was not written by this program's rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {index} has an effect that does not fit the rules before it: {problem}")]
pub struct Inapplicable {
    /// The entry.
    pub index: u64,
    /// What does not fit.
    pub problem: String,
}

impl Rules {
    /// The rules that genesis makes.
    pub fn of_genesis(genesis: &Genesis) -> Self {
        let mut directory = Directory::default();
        for department in &genesis.administrators {
            directory.departments.insert(department.uscc, department.name.clone());
            for first in &department.systems {
                let system = System {
                    capabilities: first.capabilities.clone(),
                    keys: first.keys.iter().map(|(kid, _)| *kid).collect(),
                };
                for (kid, public_key) in &first.keys {
                    directory.keys.insert(*kid, new_key(*kid, &first.system, *public_key, 0));
                }
                directory.systems.insert(first.system.clone(), system);
            }
        }
        Self {
            hub: genesis.hub.clone(),
            trust_domain: genesis.trust_domain.clone(),
            origin: genesis.origin.clone(),
            policy: genesis.policy.clone(),
            issued_after: genesis.previous.as_ref().map(|previous| previous.issued_until),
            directory,
            catalog: Catalog::default(),
            calendar: Calendar::default(),
            issuing_rights: IssuingRights::default(),
            agreements: Agreements::default(),
            version: 0,
        }
    }

    /// Applies an entry whose outcome is an effect.
    ///
    /// # Errors
    /// When statement and effect do not fit each other or the rules, which no honest hub writes.
    pub fn apply(&mut self, index: u64, statement: &Statement, effect: &Effect) -> Result<(), Inapplicable> {
        let Statement::Rule(header, change) = statement else {
            return Err(Inapplicable { index, problem: "the statement is not about the rules".to_owned() });
        };
        self.apply_change(index, header, change, effect)
            .ok_or_else(|| Inapplicable { index, problem: format!("{effect:?}") })?;
        self.version = index;
        Ok(())
    }

    fn apply_change(&mut self, index: u64, header: &Header, change: &RuleChange, effect: &Effect) -> Option<()> {
        match (change, effect) {
            (RuleChange::RegisterDepartment { uscc, name }, Effect::DepartmentRegistered) => {
                self.directory.departments.insert(*uscc, name.clone());
            }
            (RuleChange::RegisterSystem { system, capabilities }, Effect::SystemRegistered) => {
                self.directory.systems.entry(system.clone()).or_default().capabilities = capabilities.clone();
            }
            (RuleChange::RegisterKey { system, kid, public_key, .. }, Effect::KeyRegistered(registered))
                if kid == registered =>
            {
                self.directory.systems.get_mut(system)?.keys.push(*kid);
                self.directory.keys.insert(*kid, new_key(*kid, system, *public_key, index));
            }
            (RuleChange::RetireKey { kid, compromised_since }, Effect::KeyRetired(retired)) if kid == retired => {
                let key = self.directory.keys.get_mut(kid)?;
                key.retired_index.get_or_insert(index);
                key.compromised_since = match (key.compromised_since, *compromised_since) {
                    (Some(known), Some(stated)) => Some(known.min(stated)),
                    (known, stated) => known.or(stated),
                };
            }
            (RuleChange::GrantIssuingRight(grant), Effect::IssuingRightGranted) => {
                self.issuing_rights.grant(index, grant.clone());
            }
            (RuleChange::WithdrawIssuingRight { resource_id, department }, Effect::IssuingRightWithdrawn) => {
                self.issuing_rights.withdraw(index, resource_id, department)?;
            }
            (RuleChange::CatalogPart { part, resources }, Effect::CatalogPartEntered(entered)) if part == entered => {
                self.catalog.parts.insert(*part, resources.clone());
            }
            (RuleChange::CatalogRelease { parts, .. }, Effect::CatalogReleased { version, resources }) => {
                self.release_catalog(parts, *version, resources)?;
            }
            (RuleChange::CalendarYear(entered), Effect::CalendarYearEntered(year)) if entered.year == *year => {
                self.calendar.enter(entered.clone());
            }
            (_, Effect::AgreementChanged { agreement_id, version, state }) => {
                self.change_agreement(index, header.actor.department(), change, (agreement_id, *version, *state))?;
            }
            _ => return None,
        }
        Some(())
    }

    fn release_catalog(&mut self, parts: &[Digest], version: u64, changed: &[(ResourceId, u32)]) -> Option<()> {
        for part in parts {
            for resource in self.catalog.parts.remove(part)? {
                if changed.iter().any(|(id, _)| *id == resource.resource_id) {
                    self.catalog.resources.entry(resource.resource_id.clone()).or_default().push(resource);
                }
            }
        }
        for (id, number) in changed {
            (self.catalog.newest(id.as_str())?.0 == *number).then_some(())?;
        }
        self.catalog.version = version;
        Some(())
    }

    fn change_agreement(
        &mut self,
        index: u64,
        actor: &Uscc,
        change: &RuleChange,
        (id, number, state): (&AgreementId, u32, AgreementState),
    ) -> Option<()> {
        let mut agreement = self.agreements.find(id.as_str()).map(|found| Agreement::clone(found)).unwrap_or_default();
        match change {
            RuleChange::AgreementProposal { text, serialized, digest, .. } => {
                let replaced = agreement.versions.last_mut().filter(|last| last.text.version == number);
                let proposed = AgreementVersion {
                    text: AgreementText::clone(text),
                    serialized: Arc::clone(serialized),
                    digest: *digest,
                    state,
                    suspended_by: None,
                    accepted: false,
                    entry_indexes: vec![index],
                };
                match replaced {
                    Some(replaced) => *replaced = proposed,
                    None => agreement.versions.push(proposed),
                }
                (agreement.newest()?.text.version == number && text.agreement_id == *id).then_some(())?;
            }
            RuleChange::AgreementActivation(_) => {
                for earlier in agreement.versions.iter_mut().filter(|version| version.text.version < number) {
                    earlier.state = AgreementState::Terminated;
                    earlier.suspended_by = None;
                }
                set_state(&mut agreement, index, number, state, None)?;
            }
            RuleChange::AgreementSuspension { .. } => set_state(&mut agreement, index, number, state, Some(actor))?,
            RuleChange::AgreementTermination { .. } => {
                agreement.versions.iter_mut().for_each(|version| version.state = AgreementState::Terminated);
                set_state(&mut agreement, index, number, state, None)?;
            }
            RuleChange::AgreementAcceptance(_) => {
                let version = agreement.version_mut(number)?;
                version.accepted = true;
                let suspended_by = version.suspended_by;
                set_state(&mut agreement, index, number, state, suspended_by.as_ref())?;
            }
            RuleChange::AgreementResumption { .. } => {
                set_state(&mut agreement, index, number, state, None)?;
            }
            _ => return None,
        }
        self.agreements.put(id, agreement);
        Some(())
    }
}

fn new_key(kid: KeyId, system: &SystemId, public_key: [u8; 32], index: u64) -> Key {
    Key {
        kid,
        system: system.clone(),
        public_key,
        registered_index: index,
        retired_index: None,
        compromised_since: None,
    }
}

fn set_state(
    agreement: &mut Agreement,
    index: u64,
    number: u32,
    state: AgreementState,
    suspended_by: Option<&Uscc>,
) -> Option<()> {
    let version = agreement.version_mut(number)?;
    version.state = state;
    version.suspended_by = suspended_by.copied();
    version.entry_indexes.push(index);
    Some(())
}
