//! Changes of the rules, decided again.

use crate::{
    audit::{Basis, Fact},
    domain::{
        decide::{RuleFacts, decide_rule},
        outcome::{Outcome, Refusal},
        statement::RuleChange,
    },
    sign::Verifier,
    wire,
};

use super::{
    Fault,
    replay::{Act, Found, Ledger, compare},
};

/// Decides a change again and makes it in the replayed rules.
pub(super) fn follow(
    ledger: &mut Ledger<'_>,
    act: &Act<'_>,
    change: &RuleChange,
    admitted: Result<(), Refusal>,
    found: &mut Found,
) -> Basis {
    let decided = admitted.and_then(|()| {
        let key = act.kid.and_then(|kid| ledger.keys.registered(&ledger.rules, &kid));
        let key = key.as_deref().map(|key| key as &dyn Verifier);
        let facts = RuleFacts {
            text_signature_valid: wire::text_signature_valid(&ledger.rules, change, key),
            possession_proven: wire::possession_proven(&ledger.rules.hub, change),
        };
        decide_rule(&ledger.rules, act.header, change, facts, &act.now)
    });
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
    compare(decided.map(|_| ()), &act.entry.outcome, &[], found);
    // A wrong change is followed all the same: what rests on it is its consequence, not another wrong.
    match ledger.rules.apply(act.index, act.entry.decided_at(), act.statement, effect) {
        Ok(()) => ledger.compromises.take(act, change, &ledger.rules),
        Err(error) => found.add(Fault::EffectInapplicable, format!("{error}; later findings may follow from it")),
    }
    if change.text_commitments().is_empty() { Basis::Recomputed } else { Basis::Attested(Fact::Openings) }
}
