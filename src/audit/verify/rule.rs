//! Changes of the rules, decided again.

use std::sync::Arc;

use crate::{
    domain::{
        decide::{RuleFacts, decide_rule},
        outcome::{Outcome, Refusal},
        rules::Rules,
        statement::RuleChange,
    },
    sign::{Verifier as _, dsse},
    wire,
};

use super::{
    Fault,
    replay::{Act, Found, Ledger, compare},
};
use crate::audit::Basis;

/// Decides a change again and makes it in the replayed rules.
pub(super) fn follow(
    ledger: &mut Ledger,
    act: &Act<'_>,
    change: &RuleChange,
    admitted: Result<(), Refusal>,
    found: &mut Found,
) -> Basis {
    let facts = RuleFacts {
        text_signature_valid: text_signature_valid(&ledger.rules, act, change),
        possession_proven: wire::possession_proven(&ledger.rules.hub, change),
    };
    let decided = admitted.and_then(|()| decide_rule(&ledger.rules, act.header, change, facts, &act.now));
    let effect = match &act.entry.outcome {
        Outcome::Refused(_) => return compare(decided.map(|_| ()), &act.entry.outcome, &[], found),
        Outcome::Applied(effect) => effect,
        _ => {
            found.add(Fault::OutcomeKind, "a change of the rules is applied or refused");
            return Basis::Recomputed;
        }
    };
    if let Ok(due) = &decided
        && due != effect
    {
        found.add(Fault::EffectDiffers, format!("entered is {effect:?}; due was {due:?}"));
    }
    let basis = compare(decided.map(|_| ()), &act.entry.outcome, &[], found);
    // A wrong change is followed all the same: what rests on it is its consequence, not another wrong.
    if let Err(error) = ledger.rules.apply(act.index, act.statement, effect) {
        found.add(Fault::EffectInapplicable, format!("{error}; later findings may follow from it"));
    }
    basis
}

/// Whether the actor's signature over an agreement's text verifies; a statement without one has nothing wrong with it.
fn text_signature_valid(rules: &Rules, act: &Act<'_>, change: &RuleChange) -> bool {
    let (text, signature) = match change {
        RuleChange::AgreementProposal { serialized, signature, .. } => (Arc::clone(serialized), signature),
        RuleChange::AgreementAcceptance(consent) | RuleChange::AgreementActivation(consent) => {
            let agreement = rules.agreements.find(consent.agreement_id.as_str());
            let Some(version) = agreement.and_then(|agreement| agreement.version(consent.version)) else {
                // There is nothing to have signed; the decision says so.
                return false;
            };
            (Arc::clone(&version.serialized), &consent.signature)
        }
        _ => return true,
    };
    let pae = dsse::pae(&dsse::payload_type(wire::AGREEMENT_TEXT_KIND), &text);
    act.signer.key.as_ref().is_some_and(|key| key.verify(&pae, signature).is_ok())
}
