//! The rules in force, and how entries change them.

use std::sync::Arc;

use super::{
    agreement::{Agreement, AgreementState, AgreementText, AgreementVersion, Agreements},
    answer::{AnswerTerms, Waiting},
    calendar::Calendar,
    catalog::{Catalog, CodeTableRef, assemble},
    directory::{Directory, Key, System},
    id::{AgreementId, Commitment, Digest, DomainName, KeyId, ResourceId, SystemId},
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
    /// By when proposals must be answered.
    pub answer_terms: Arc<AnswerTerms>,
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
            answer_terms: Arc::default(),
            agreements: Agreements::default(),
            version: 0,
        }
    }

    /// Applies an entry whose outcome is an effect. `time` is when it was sequenced first.
    ///
    /// # Errors
    /// When statement and effect do not fit each other or the rules, which no honest hub writes.
    pub fn apply(
        &mut self,
        index: u64,
        time: Time,
        statement: &Statement,
        effect: &Effect,
    ) -> Result<(), Inapplicable> {
        let Statement::Rule(header, change) = statement else {
            return Err(Inapplicable { index, problem: "the statement is not about the rules".to_owned() });
        };
        self.apply_change((index, time), header, change, effect)
            .ok_or_else(|| Inapplicable { index, problem: format!("{effect:?}") })?;
        self.version = index;
        Ok(())
    }

    fn apply_change(
        &mut self,
        (index, time): (u64, Time),
        header: &Header,
        change: &RuleChange,
        effect: &Effect,
    ) -> Option<()> {
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
            (RuleChange::CatalogPart { part, content }, Effect::CatalogPartEntered(entered)) if part == entered => {
                self.catalog.parts.insert(*part, content.clone());
            }
            (RuleChange::CatalogRelease { parts, .. }, Effect::CatalogReleased { version, resources }) => {
                self.release_catalog(parts, *version, resources)?;
            }
            (RuleChange::CalendarYear(entered), Effect::CalendarYearEntered(year)) if entered.year == *year => {
                self.calendar.enter(entered.clone());
            }
            (RuleChange::AnswerTerms(terms), Effect::AnswerTermsSet) => self.answer_terms = Arc::new(terms.clone()),
            (_, Effect::AgreementChanged { agreement_id, version, state }) => {
                let waiting = state.is_pending().then(|| Waiting {
                    since: time,
                    terms: Arc::clone(&self.answer_terms),
                    is_deferred: false,
                });
                let step = Step { index, actor: header.actor.department(), number: *version, state: *state, waiting };
                self.change_agreement(agreement_id, change, step)?;
            }
            _ => return None,
        }
        Some(())
    }

    fn release_catalog(&mut self, parts: &[Digest], version: u64, changed: &[(ResourceId, u32)]) -> Option<()> {
        let mut released = Vec::with_capacity(parts.len());
        for part in parts {
            released.push(self.catalog.parts.remove(part)?);
        }
        for table in assemble(released.iter().flat_map(|part| &part.code_tables)).ok()? {
            let versions = self.catalog.code_tables.entry(table.table_id().clone()).or_default();
            if versions.last().is_none_or(|newest| newest.version() < table.version()) {
                versions.push(table);
            }
        }
        for resource in released.into_iter().flat_map(|part| part.resources) {
            if changed.iter().any(|(id, _)| *id == resource.resource_id) {
                let catalog = &mut self.catalog;
                let table = |table: &CodeTableRef| catalog.code_table(table.table_id.as_str(), table.version).cloned();
                let resource = resource.with_code_tables(table).ok()?;
                catalog.resources.entry(resource.resource_id.clone()).or_default().push(resource);
            }
        }
        for (id, number) in changed {
            (self.catalog.newest(id.as_str())?.0 == *number).then_some(())?;
        }
        self.catalog.version = version;
        Some(())
    }

    fn change_agreement(&mut self, id: &AgreementId, change: &RuleChange, step: Step<'_>) -> Option<()> {
        let mut agreement = self.agreements.find(id.as_str()).map(|found| Agreement::clone(found)).unwrap_or_default();
        let number = step.number;
        match change {
            RuleChange::AgreementProposal { text, serialized, digest, .. } => {
                let mut text = AgreementText::clone(text);
                self.catalog.share_names(&mut text);
                self.agreements.share_codes(&mut text);
                (text.agreement_id == *id).then_some(())?;
                let replaced = agreement.versions.last_mut().filter(|last| last.text.version == number);
                let proposed = AgreementVersion {
                    text,
                    serialized: Arc::clone(serialized),
                    digest: *digest,
                    state: step.state,
                    suspended_by: None,
                    reason: None,
                    accepted: false,
                    waiting: step.waiting,
                    entry_indexes: vec![step.index],
                };
                match replaced {
                    Some(replaced) => *replaced = proposed,
                    None => agreement.versions.push(proposed),
                }
                (agreement.newest()?.text.version == number).then_some(())?;
            }
            RuleChange::AgreementActivation(_) => {
                agreement.versions.iter_mut().filter(|version| version.text.version < number).for_each(end);
                step.take(&mut agreement, None, None)?;
            }
            RuleChange::AgreementSuspension { reason, .. } => {
                let actor = *step.actor;
                step.take(&mut agreement, Some(actor), *reason)?;
            }
            RuleChange::AgreementTermination { reason, .. } => {
                agreement.versions.iter_mut().for_each(end);
                step.take(&mut agreement, None, *reason)?;
            }
            RuleChange::AgreementAcceptance(_) => {
                let version = agreement.version_mut(number)?;
                version.accepted = true;
                // One in force stays as it is, with who suspended it and why; why the provider deferred its answer is past.
                let (suspended_by, reason) =
                    if step.state.is_pending() { (None, None) } else { (version.suspended_by, version.reason) };
                step.take(&mut agreement, suspended_by, reason)?;
            }
            RuleChange::AnswerDeferral { reason, .. } => {
                let version = agreement.version_mut(number).filter(|version| version.state == step.state)?;
                version.waiting.as_mut()?.is_deferred = true;
                version.reason = Some(*reason);
                version.entry_indexes.push(step.index);
            }
            RuleChange::AgreementRejection { reason, .. } => step.take(&mut agreement, None, Some(*reason))?,
            RuleChange::AgreementWithdrawal { reason, .. } => step.take(&mut agreement, None, *reason)?,
            RuleChange::AgreementResumption { .. } => step.take(&mut agreement, None, None)?,
            _ => return None,
        }
        self.agreements.put(id, agreement);
        Some(())
    }
}

/// What an entry does to a version of an agreement.
struct Step<'a> {
    index: u64,
    /// Who acted.
    actor: &'a Uscc,
    /// The version.
    number: u32,
    /// Where it stands after it.
    state: AgreementState,
    /// Since when it waits, where it then does.
    waiting: Option<Waiting>,
}

impl Step<'_> {
    fn take(self, agreement: &mut Agreement, suspended_by: Option<Uscc>, reason: Option<Commitment>) -> Option<()> {
        let version = agreement.version_mut(self.number)?;
        version.state = self.state;
        (version.suspended_by, version.reason, version.waiting) = (suspended_by, reason, self.waiting);
        version.entry_indexes.push(self.index);
        Some(())
    }
}

/// Ends a version that another takes the place of, or with the whole agreement.
fn end(version: &mut AgreementVersion) {
    version.state = AgreementState::Terminated;
    (version.suspended_by, version.reason, version.waiting) = (None, None, None);
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
