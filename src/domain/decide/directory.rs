//! May this system or key be registered, and may this key be retired?

use std::collections::BTreeSet;

use super::{RuleFacts, refuse};
use crate::domain::{
    directory::Capability,
    id::{KeyId, SystemId},
    outcome::{Effect, Refusal, RefusalReason as Reason},
    rules::Rules,
};

pub(super) fn register_system(
    rules: &Rules,
    system: &SystemId,
    capabilities: &BTreeSet<Capability>,
) -> Result<Effect, Refusal> {
    if system.trust_domain() != rules.trust_domain.as_str() {
        return refuse(Reason::SystemUnknown, format!("trust domain {}", rules.trust_domain));
    }
    if !rules.directory.departments.contains_key(system.department()) {
        return refuse(Reason::DepartmentUnknown, system.department().as_str());
    }
    let mut after = rules.directory.clone();
    after.systems.entry(system.clone()).or_default().capabilities = capabilities.clone();
    keep_administrator(after.has_administrator())?;
    Ok(Effect::SystemRegistered)
}

pub(super) fn register_key(
    rules: &Rules,
    actor: &SystemId,
    (system, kid): (&SystemId, &KeyId),
    facts: RuleFacts,
) -> Result<Effect, Refusal> {
    may_change_keys(rules, actor, system)?;
    if !rules.directory.systems.contains_key(system) {
        return refuse(Reason::SystemUnknown, system.as_str());
    }
    if rules.directory.keys.contains_key(kid) {
        return refuse(Reason::KeyExists, kid.to_string());
    }
    if !facts.possession_proven {
        return refuse(Reason::KeyPossessionUnproven, kid.to_string());
    }
    Ok(Effect::KeyRegistered(*kid))
}

pub(super) fn retire_key(rules: &Rules, actor: &SystemId, kid: &KeyId) -> Result<Effect, Refusal> {
    let Some(key) = rules.directory.keys.get(kid) else {
        return refuse(Reason::KeyUnknown, kid.to_string());
    };
    may_change_keys(rules, actor, &key.system)?;
    let mut after = rules.directory.clone();
    if let Some(key) = after.keys.get_mut(kid) {
        key.retired_index.get_or_insert(u64::MAX);
    }
    keep_administrator(after.has_administrator())?;
    Ok(Effect::KeyRetired(*kid))
}

fn keep_administrator(kept: bool) -> Result<(), Refusal> {
    if kept { Ok(()) } else { refuse(Reason::LastAdministrator, "") }
}

fn may_change_keys(rules: &Rules, actor: &SystemId, system: &SystemId) -> Result<(), Refusal> {
    if actor == system || rules.directory.holds(actor, Capability::Administer) {
        Ok(())
    } else {
        refuse(Reason::CapabilityMissing, Capability::Administer.as_str())
    }
}
