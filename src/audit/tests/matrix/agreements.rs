//! Agreements that a party did not sign, in texts that cannot be, in states that do not follow.

use super::{
    super::hub::{
        AGREEMENT, Actor, CONSUMER, administrator, agreement_text, consent, consumer, kid, proposal, provider,
        register_key,
    },
    Hub, Row,
    administration::forge,
};
use crate::domain::{
    agreement::{AgreementState, AgreementText},
    directory::Capability,
    id::{AgreementId, Digest},
    outcome::Effect,
    statement::RuleChange,
};

pub(super) fn changed(id: &str, version: u32, state: AgreementState) -> Effect {
    Effect::AgreementChanged { agreement_id: id.parse().unwrap(), version, state }
}

fn id() -> AgreementId {
    AGREEMENT.parse().unwrap()
}

pub(super) fn text(hub: &Hub) -> AgreementText {
    agreement_text(hub.time, "second", &["NAME"])
}

/// A proposal with a text changed, taken.
fn proposed(name: &str, codes: &'static [&'static str], change: fn(&mut AgreementText)) -> Row {
    Row::lie(name, codes, move |hub| {
        let mut text = text(hub);
        change(&mut text);
        let effect = changed("second", text.version, AgreementState::Proposed);
        forge(hub, &consumer(), proposal(&consumer(), text), effect)
    })
}

/// An activation of what was proposed and, where said, accepted.
fn activated(
    name: &str,
    codes: &'static [&'static str],
    is_accepted: bool,
    activate: fn(&mut Hub, &AgreementText) -> (Actor, RuleChange),
) -> Row {
    Row::lie(name, codes, move |hub| {
        let text = text(hub);
        hub.change(&consumer(), proposal(&consumer(), text.clone()));
        if is_accepted {
            hub.change(&provider(), RuleChange::AgreementAcceptance(consent(&provider(), &text)));
        }
        let (actor, change) = activate(hub, &text);
        forge(hub, &actor, change, changed("second", 1, AgreementState::Active))
    })
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = unsigned();
    rows.extend(texts());
    rows.extend(states());
    rows
}

fn unsigned() -> Vec<Row> {
    vec![
        activated(
            "an agreement that its provider never accepted",
            &["WRONGLY_DONE:ACCEPTANCE_MISSING"],
            false,
            |_, text| (administrator(), RuleChange::AgreementActivation(consent(&administrator(), text))),
        ),
        activated("an agreement that its consumer activated", &["WRONGLY_DONE:CAPABILITY_MISSING"], true, |_, text| {
            (consumer(), RuleChange::AgreementActivation(consent(&consumer(), text)))
        }),
        activated(
            "an activation with another's signature under the text",
            &["WRONGLY_DONE:AGREEMENT_SIGNATURE_INVALID"],
            true,
            |_, text| (administrator(), RuleChange::AgreementActivation(consent(&consumer(), text))),
        ),
        activated(
            "an activation of another text than was proposed",
            &["WRONGLY_DONE:AGREEMENT_TEXT_INVALID"],
            true,
            |hub, _| {
                let other = agreement_text(hub.time, "second", &["NAME", "HOLDER"]);
                (administrator(), RuleChange::AgreementActivation(consent(&administrator(), &other)))
            },
        ),
        Row::lie("an agreement that its consumer accepted", &["WRONGLY_DONE:NOT_A_PARTY"], |hub| {
            let text = text(hub);
            hub.change(&consumer(), proposal(&consumer(), text.clone()));
            let change = RuleChange::AgreementAcceptance(consent(&consumer(), &text));
            forge(hub, &consumer(), change, changed("second", 1, AgreementState::Accepted))
        }),
        Row::lie(
            "an agreement that its provider proposed in the consumer's name",
            &["WRONGLY_DONE:NOT_A_PARTY"],
            |hub| {
                let text = text(hub);
                assert_eq!(text.consumer.as_str(), CONSUMER);
                forge(hub, &provider(), proposal(&provider(), text), changed("second", 1, AgreementState::Proposed))
            },
        ),
        Row::lie("an acceptance by a system that may not sign", &["WRONGLY_DONE:CAPABILITY_MISSING"], |hub| {
            let text = text(hub);
            hub.change(&consumer(), proposal(&consumer(), text.clone()));
            let system = provider().system;
            let capabilities = [Capability::Publish].into();
            hub.change(&administrator(), RuleChange::RegisterSystem { system, capabilities });
            let change = RuleChange::AgreementAcceptance(consent(&provider(), &text));
            forge(hub, &provider(), change, changed("second", 1, AgreementState::Accepted))
        }),
    ]
}

fn texts() -> Vec<Row> {
    vec![
        proposed("an agreement on a field that is not shared", &["WRONGLY_DONE:FIELD_NOT_SHARED"], |text| {
            text.fields = ["SECRET".parse().unwrap()].into();
        }),
        proposed("an agreement on a field that is not", &["WRONGLY_DONE:FIELD_UNKNOWN"], |text| {
            text.fields = ["NOTHING".parse().unwrap()].into();
        }),
        proposed("an agreement on a resource that is not", &["WRONGLY_DONE:RESOURCE_UNKNOWN"], |text| {
            text.resource_id = "market.ghost".parse().unwrap();
        }),
        proposed("an agreement whose validity is over", &["WRONGLY_DONE:AGREEMENT_TEXT_INVALID"], |text| {
            text.valid_from = text.valid_from.plus_seconds(-20);
            text.valid_until = text.valid_from.plus_seconds(10);
        }),
        proposed("an agreement of another hub", &["WRONGLY_DONE:AGREEMENT_TEXT_INVALID"], |text| {
            text.hub = "other.example".parse().unwrap();
        }),
        proposed("an agreement that begins with version 2", &["WRONGLY_DONE:AGREEMENT_CONFLICT"], |text| {
            text.version = 2;
            text.previous_digest = Some(Digest([1; 32]));
        }),
        Row::lie("a version that does not follow the one before it", &["WRONGLY_DONE:AGREEMENT_CONFLICT"], |hub| {
            let mut text = agreement_text(hub.time, AGREEMENT, &["NAME"]);
            (text.version, text.previous_digest) = (2, Some(Digest([1; 32])));
            forge(hub, &consumer(), proposal(&consumer(), text), changed(AGREEMENT, 2, AgreementState::Proposed))
        }),
    ]
}

fn states() -> Vec<Row> {
    let suspended = |hub: &mut Hub, by: &Actor| {
        hub.change(by, RuleChange::AgreementSuspension { agreement_id: id(), reason: None });
    };
    vec![
        Row::lie("a resumption of what was not suspended", &["WRONGLY_DONE:AGREEMENT_STATE"], |hub| {
            let change = RuleChange::AgreementResumption { agreement_id: id() };
            forge(hub, &provider(), change, changed(AGREEMENT, 1, AgreementState::Active))
        }),
        Row::lie("a resumption of what was terminated", &["WRONGLY_DONE:AGREEMENT_STATE"], |hub| {
            hub.change(&provider(), RuleChange::AgreementTermination { agreement_id: id(), reason: None });
            let change = RuleChange::AgreementResumption { agreement_id: id() };
            forge(hub, &provider(), change, changed(AGREEMENT, 1, AgreementState::Active))
        }),
        Row::lie("a resumption by another than who suspended", &["WRONGLY_DONE:NOT_A_PARTY"], move |hub| {
            suspended(hub, &provider());
            let change = RuleChange::AgreementResumption { agreement_id: id() };
            forge(hub, &consumer(), change, changed(AGREEMENT, 1, AgreementState::Active))
        }),
        Row::lie("a termination by a department that is no party", &["WRONGLY_DONE:NOT_A_PARTY"], |hub| {
            let stranger = Actor::new("91350100M000100Y43", "stranger", 15);
            let uscc = *stranger.system.department();
            hub.change(&administrator(), RuleChange::RegisterDepartment { uscc, name: "旁局".to_owned() });
            let capabilities = [Capability::SignAgreements].into();
            let system = stranger.system.clone();
            hub.change(&administrator(), RuleChange::RegisterSystem { system, capabilities });
            hub.change(&administrator(), register_key(&stranger));
            assert!(hub.rules.directory.keys.contains_key(&kid(&stranger.key())));
            let change = RuleChange::AgreementTermination { agreement_id: id(), reason: None };
            forge(hub, &stranger, change, changed(AGREEMENT, 1, AgreementState::Terminated))
        }),
        Row::lie(
            "a suspension of an agreement that is not",
            &["WRONGLY_DONE:NO_AGREEMENT", "EFFECT_INAPPLICABLE"],
            |hub| {
                let change = RuleChange::AgreementSuspension { agreement_id: "ghost".parse().unwrap(), reason: None };
                forge(hub, &provider(), change, changed("ghost", 1, AgreementState::Suspended))
            },
        ),
        Row::lie("a resumption entered as something else", &["EFFECT_DIFFERS"], move |hub| {
            suspended(hub, &provider());
            let change = RuleChange::AgreementResumption { agreement_id: id() };
            let lie = forge(hub, &provider(), change, changed(AGREEMENT, 1, AgreementState::Accepted));
            let text = agreement_text(hub.time, AGREEMENT, &["NAME", "STATUS"]);
            hub.change(&administrator(), RuleChange::AgreementActivation(consent(&administrator(), &text)));
            lie
        }),
    ]
}
