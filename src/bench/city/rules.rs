//! The rules of the city, without a hub.

use super::{ADMINISTRATOR, Actor, City, HUB, TRUST_DOMAIN};
use crate::{
    domain::{
        directory::Capability,
        id::KeyId,
        rules::Rules,
        statement::{DECISION_VERSION, FirstDepartment, FirstSystem, Genesis, Policy},
        time::Time,
    },
    sign::{SigningKey, SystemRandomness},
};

impl City {
    /// A city with keys of its own, which needs no hub.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn without_hub() -> anyhow::Result<Self> {
        let key = SigningKey::generate(&SystemRandomness::new())?;
        Self::new(Actor::new(ADMINISTRATOR, "administration", key)?)
    }

    /// How its log begins.
    ///
    /// # Errors
    /// When a name is none, which a test would notice.
    pub fn genesis(&self, now: Time) -> anyhow::Result<Genesis> {
        let Actor { system, key } = &self.administrator;
        let public = key.verifying_key();
        Ok(Genesis {
            hub: HUB.parse()?,
            origin: format!("{HUB}/exchange-log/2026"),
            trust_domain: TRUST_DOMAIN.parse()?,
            administrators: vec![FirstDepartment {
                uscc: *system.department(),
                name: "样例市数据局".to_owned(),
                systems: vec![FirstSystem {
                    system: system.clone(),
                    capabilities: [Capability::Administer].into(),
                    keys: vec![(KeyId(*public.thumbprint()), *public.as_bytes())],
                }],
            }],
            policy: Policy::default(),
            decision_version: DECISION_VERSION,
            created_at: now,
            previous: None,
        })
    }

    /// The rules after its founding.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn rules(&self, now: Time) -> anyhow::Result<Rules> {
        let mut rules = Rules::of_genesis(&self.genesis(now)?);
        for (index, act) in (1..).zip(self.founding(now)?) {
            rules.apply(index, now, &act.statement, &act.effect)?;
        }
        Ok(rules)
    }
}
