//! Whom a plan touches.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{InForce, Plan};
use crate::domain::{
    agreement::{AgreementState, AgreementVersion},
    catalog::{BreakingChange, Resource, SharingClass, breaking_changes},
    id::{AgreementId, FieldCode, ResourceId},
    identifier::Uscc,
};

/// What a plan means for an agreement that is in force, or on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreementImpact {
    /// The agreement.
    pub agreement_id: AgreementId,
    /// Its version.
    pub version: u32,
    /// Where the version stands.
    pub state: AgreementState,
    /// Who uses it.
    pub consumer: Uscc,
    /// The resource.
    pub resource_id: ResourceId,
    /// The fields that it names and loses: they are gone, or NOT_SHARED.
    pub lost: Vec<FieldCode>,
    /// The fields that become CONDITIONAL, for which the provider has not accepted: until it does, the agreement rests.
    pub unaccepted: Vec<FieldCode>,
    /// The field for which its row condition no longer fits: until another version is agreed on, the agreement rests.
    pub condition: Option<FieldCode>,
}

/// Which agreements lose something by a plan, of those given that have not ended.
pub fn agreement_impacts(in_force: &InForce, plan: &Plan, agreements: &[AgreementVersion]) -> Vec<AgreementImpact> {
    let new: BTreeMap<&ResourceId, &Arc<Resource>> =
        plan.content.resources.iter().map(|resource| (&resource.resource_id, resource)).collect();
    let of_version = |version: &AgreementVersion| {
        let id = &version.text.resource_id;
        let (_, old) = in_force.resources.get(id)?;
        impact(version, old, new.get(id)?)
    };
    agreements.iter().filter_map(of_version).collect()
}

fn impact(version: &AgreementVersion, old: &Resource, new: &Resource) -> Option<AgreementImpact> {
    let has_ended =
        matches!(version.state, AgreementState::Terminated | AgreementState::Rejected | AgreementState::Withdrawn);
    if has_ended {
        return None;
    }
    let text = &version.text;
    let class = |resource: &Resource, code: &FieldCode| {
        let class = resource.field(code.as_str()).map(|field| field.sharing_class);
        class.filter(|class| *class < SharingClass::NotShared)
    };
    let condition = text.condition.as_ref();
    let compared = condition.into_iter().flat_map(|condition| condition.comparisons()).map(|own| &own.field);
    let read: BTreeSet<&FieldCode> = text.fields.iter().chain(compared).collect();
    let is_lost = |code: &&FieldCode| class(old, code).is_some() && class(new, code).is_none();
    let conditional = Some(SharingClass::Conditional);
    let is_unaccepted =
        |code: &&FieldCode| !version.accepted && class(old, code) < conditional && class(new, code) == conditional;
    // What does not fit: a comparison for its field, or a field that may be in no condition.
    let unfit = |resource: &Resource| {
        let condition = condition?;
        let misfit = condition.misfit(resource).map(|misfit| misfit.field);
        misfit.or_else(|| condition.not_shared_field(resource).cloned())
    };
    let impact = AgreementImpact {
        agreement_id: text.agreement_id.clone(),
        version: text.version,
        state: version.state,
        consumer: text.consumer,
        resource_id: text.resource_id.clone(),
        lost: text.fields.iter().filter(is_lost).cloned().collect(),
        unaccepted: read.into_iter().filter(is_unaccepted).cloned().collect(),
        condition: unfit(new).filter(|_| unfit(old).is_none()),
    };
    let is_touched = !impact.lost.is_empty() || !impact.unaccepted.is_empty() || impact.condition.is_some();
    is_touched.then_some(impact)
}

/// The current records of one version of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The resource as it was in that version.
    pub resource: Arc<Resource>,
    /// The version.
    pub version: u32,
    /// How many records there are.
    pub records: u64,
}

/// What a plan means for records that there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordImpact {
    /// The resource.
    pub resource_id: ResourceId,
    /// The version that the records follow, and stay readable under.
    pub resource_version: u32,
    /// How many records.
    pub records: u64,
    /// Why rows from which they were made may be refused when they are published again; empty: whatever their values are, they
    /// will not be. The hub does not read values, so whether some are is for their provider to find out.
    pub narrowed: Vec<BreakingChange>,
}

/// Which records a plan touches: those of every resource that changes.
pub fn record_impacts(plan: &Plan, published: &[Published]) -> Vec<RecordImpact> {
    let mut impacts = Vec::new();
    for new in &plan.content.resources {
        for old in published.iter().filter(|old| old.resource.resource_id == new.resource_id) {
            let mut narrowed = breaking_changes(&old.resource, new);
            narrowed.retain(|change| change.breaking.narrows_values());
            impacts.push(RecordImpact {
                resource_id: new.resource_id.clone(),
                resource_version: old.version,
                records: old.records,
                narrowed,
            });
        }
    }
    impacts
}
