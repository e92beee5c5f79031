//! What the tests of the decisions have in common: a hub, a field, a resource, a text.

use std::collections::BTreeSet;

use crate::domain::{
    agreement::{AgreementText, LookupKind},
    catalog::{Field, FieldType, Metadata, Resource, ResourceKind, SharingClass, UpdateCycle},
    rules::Rules,
    statement::{DECISION_VERSION, Genesis, Policy},
    time::Time,
};

pub(super) const CONSUMER: &str = "11430000006122244L";
pub(super) const PROVIDER: &str = "11330105002500287C";
pub(super) const AUTHORITY: &str = "11100000000013338W";

/// The rules of a hub in which nothing is registered.
pub(super) fn rules() -> Rules {
    Rules::of_genesis(&Genesis {
        hub: "hub.example".parse().unwrap(),
        origin: "hub.example/exchange-log/2026".to_owned(),
        trust_domain: "gov.example".parse().unwrap(),
        administrators: Vec::new(),
        policy: Policy::default(),
        decision_version: DECISION_VERSION,
        created_at: Time::MIN,
        previous: None,
    })
}

pub(super) fn field(code: &str, field_type: FieldType, sharing_class: SharingClass) -> Field {
    Field {
        code: code.parse().unwrap(),
        name: code.to_owned(),
        name_en: String::new(),
        field_type,
        required: false,
        repeated: false,
        sharing_class,
        sensitive: false,
        open_to_society: false,
        value_range: String::new(),
        derivation: None,
    }
}

/// A resource of these fields, found by two of them.
pub(super) fn resource(fields: Vec<Field>, record_id: &str, holder: &str) -> Resource {
    Resource {
        resource_id: "market.licence".parse().unwrap(),
        name: "营业执照".to_owned(),
        name_en: String::new(),
        provider: PROVIDER.parse().unwrap(),
        kind: ResourceKind::Licence,
        national_code: String::new(),
        summary: String::new(),
        sharing_class: SharingClass::Unconditional,
        sharing_condition: String::new(),
        denial_basis: String::new(),
        metadata: Metadata::default(),
        update_cycle: UpdateCycle::Daily,
        fields,
        record_id_field: record_id.parse().unwrap(),
        holder_field: holder.parse().unwrap(),
        holder_type_field: None,
        valid_from_field: None,
        valid_until_field: None,
        replaces_field: None,
        copy_of: None,
    }
}

/// The first version of an agreement on the resource: for one purpose, by record, ten a day, and no fields yet.
pub(super) fn agreement_text(id: &str) -> AgreementText {
    AgreementText {
        hub: "hub.example".parse().unwrap(),
        agreement_id: id.parse().unwrap(),
        version: 1,
        previous_digest: None,
        consumer: CONSUMER.parse().unwrap(),
        provider: PROVIDER.parse().unwrap(),
        resource_id: "market.licence".parse().unwrap(),
        fields: BTreeSet::new(),
        purposes: ["permit".parse().unwrap()].into(),
        matters: BTreeSet::new(),
        lookups: [LookupKind::Record].into(),
        valid_from: Time::MIN,
        valid_until: Time::MAX,
        daily_limit: 10,
        batch_limit: 1,
        legal_basis: None,
        scenario: None,
        condition: None,
        minute_limit: None,
        networks: BTreeSet::new(),
        retention_days: None,
        scope: None,
    }
}
