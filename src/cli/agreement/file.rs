//! An agreement as a file: its terms, in TOML.
//!
//! ```toml
//! id = "housing-licences-2026"
//! consumer = "11440399X00000043T"
//! provider = "11440399X00000019A"
//! resource = "samr.business-licence"
//! fields = ["CZZT", "KZ_JYFW"]
//! purposes = ["housing-registration"]
//! matters = []                            # none named: any
//! lookups = ["holder", "record"]
//! valid_from = 2026-01-01                 # a day begins at midnight of +08:00; or 2026-01-01T08:00:00+08:00
//! valid_until = 2026-12-31                # until the end of that day
//! daily_limit = 1000
//! minute_limit = 60                       # none: as many as the day allows
//! batch_limit = 10
//! networks = ["10.44.0.0/16"]             # none named: from anywhere
//! retention_days = 180                    # none: the agreement sets no duty
//! legal_basis = "…"
//! scenario = "…"
//! scope = "…"
//! condition = { field = "CZZTDM", starts_with = "914403" }
//! ```
//!
//! `condition.rs` says what conditions are made of.

use std::{collections::BTreeSet, fmt, num::NonZeroU64, str::FromStr};

use serde::{Deserialize, Deserializer, de::Error as _};

use super::condition;
use crate::{
    cli::when::When,
    domain::{
        agreement::{AgreementText, LookupKind, MAX_NETWORKS, MAX_RETENTION_DAYS},
        condition::Condition,
        id::{AgreementId, Code, Digest, DomainName, FieldCode, ResourceId},
        identifier::Uscc,
        network::Network,
    },
};

/// The terms of an agreement.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Terms {
    #[serde(deserialize_with = "parsed")]
    pub(super) id: AgreementId,
    #[serde(deserialize_with = "parsed")]
    pub(super) consumer: Uscc,
    #[serde(deserialize_with = "parsed")]
    provider: Uscc,
    #[serde(deserialize_with = "parsed")]
    resource: ResourceId,
    #[serde(deserialize_with = "some")]
    fields: BTreeSet<FieldCode>,
    #[serde(deserialize_with = "some")]
    purposes: BTreeSet<Code>,
    #[serde(default, deserialize_with = "any")]
    matters: BTreeSet<Code>,
    #[serde(deserialize_with = "lookups")]
    lookups: BTreeSet<LookupKind>,
    valid_from: When,
    valid_until: When,
    #[serde(deserialize_with = "positive")]
    daily_limit: u64,
    minute_limit: Option<NonZeroU64>,
    #[serde(deserialize_with = "positive")]
    batch_limit: u32,
    #[serde(default, deserialize_with = "networks")]
    networks: BTreeSet<Network>,
    #[serde(default, deserialize_with = "retention_days")]
    retention_days: Option<u32>,
    #[serde(default, deserialize_with = "condition::optional")]
    pub(super) condition: Option<Condition>,
    pub(super) legal_basis: Option<String>,
    pub(super) scenario: Option<String>,
    pub(super) scope: Option<String>,
}

/// Which version a text is, and what it follows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) version: u32,
    pub(super) previous: Option<Digest>,
}

impl Terms {
    /// Reads a file's text.
    ///
    /// # Errors
    /// What is wrong, with line and column.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let terms = Self::parse_located(text)?;
        anyhow::ensure!(!terms.is_backwards(), "`valid_until` is not after `valid_from`");
        Ok(terms)
    }

    /// Reads a file's text; its error still knows where it is.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn parse_located(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Whether it would end before it begins.
    pub(super) fn is_backwards(&self) -> bool {
        self.valid_from.begin() >= self.valid_until.end()
    }

    /// The free texts, by their names, as they are committed to.
    pub(super) fn free_texts(&self) -> Vec<(&'static str, Option<&str>)> {
        let written = [
            ("legal_basis", self.legal_basis.as_deref()),
            ("scenario", self.scenario.as_deref()),
            ("scope", self.scope.as_deref()),
        ];
        written.map(|(name, text)| (name, text.map(str::trim).filter(|text| !text.is_empty()))).to_vec()
    }

    /// The text that the parties sign; the commitments to its free texts are for whoever proposes it.
    pub(super) fn text(&self, hub: &DomainName, place: Place) -> AgreementText {
        AgreementText {
            hub: hub.clone(),
            agreement_id: self.id.clone(),
            version: place.version,
            previous_digest: place.previous,
            consumer: self.consumer,
            provider: self.provider,
            resource_id: self.resource.clone(),
            fields: self.fields.clone(),
            purposes: self.purposes.clone(),
            matters: self.matters.clone(),
            lookups: self.lookups.clone(),
            valid_from: self.valid_from.begin(),
            valid_until: self.valid_until.end(),
            daily_limit: self.daily_limit,
            batch_limit: self.batch_limit,
            legal_basis: None,
            scenario: None,
            condition: self.condition.clone(),
            minute_limit: self.minute_limit.map(NonZeroU64::get),
            networks: self.networks.clone(),
            retention_days: self.retention_days,
            scope: None,
        }
    }
}

fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err: fmt::Display>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

/// A set of names, in any order but none twice.
fn any<'de, D, T>(deserializer: D) -> Result<BTreeSet<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display> + Ord + fmt::Display,
{
    let mut names = BTreeSet::new();
    for text in Vec::<String>::deserialize(deserializer)? {
        let name: T = text.parse().map_err(|error| D::Error::custom(format!("{text:?}: {error}")))?;
        if !names.insert(name) {
            return Err(D::Error::custom(format!("{text:?} is named twice")));
        }
    }
    Ok(names)
}

fn some<'de, D, T>(deserializer: D) -> Result<BTreeSet<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display> + Ord + fmt::Display,
{
    let names = any(deserializer)?;
    if names.is_empty() { Err(D::Error::custom("at least one must be named")) } else { Ok(names) }
}

fn lookups<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<LookupKind>, D::Error> {
    let mut kinds = BTreeSet::new();
    for text in Vec::<String>::deserialize(deserializer)? {
        let kind = [LookupKind::Record, LookupKind::Holder].into_iter().find(|kind| kind.as_str() == text);
        kinds.insert(kind.ok_or_else(|| D::Error::custom(format!("{text:?}: allowed are \"record\" and \"holder\"")))?);
    }
    if kinds.is_empty() { Err(D::Error::custom("at least one must be named")) } else { Ok(kinds) }
}

fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<Network>, D::Error> {
    let networks = any(deserializer)?;
    if networks.len() > MAX_NETWORKS {
        return Err(D::Error::custom(format!("at most {MAX_NETWORKS} may be named")));
    }
    Ok(networks)
}

fn retention_days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let days = u32::deserialize(deserializer)?;
    if !(1..=MAX_RETENTION_DAYS).contains(&days) {
        return Err(D::Error::custom(format!(
            "must be 1 to {MAX_RETENTION_DAYS} days; left out, there is no such duty"
        )));
    }
    Ok(Some(days))
}

fn positive<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default + PartialEq>(
    deserializer: D,
) -> Result<T, D::Error> {
    let number = T::deserialize(deserializer)?;
    if number == T::default() { Err(D::Error::custom("must be at least 1")) } else { Ok(number) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::domain::time::Time;
    use crate::wire;

    const HOUSING: &str = include_str!("../../../deploy/examples/agreement-housing.toml");
    const TAXATION: &str = include_str!("../../../deploy/examples/agreement-taxation.toml");

    fn at(text: &str) -> Time {
        Time::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond()).unwrap()
    }

    #[test]
    fn the_example_agreements_fit_the_example_catalog() {
        let catalog = crate::catalog::parse(include_bytes!("../../../deploy/examples/catalog.toml")).unwrap().resources;
        for file in [HOUSING, TAXATION] {
            let terms = Terms::parse(file).unwrap();
            let resource = catalog.iter().find(|resource| resource.resource_id == terms.resource).unwrap();
            assert_eq!(resource.provider, terms.provider);
            for code in &terms.fields {
                let field = resource.field(code.as_str()).unwrap();
                assert_ne!(field.sharing_class, crate::domain::catalog::SharingClass::NotShared, "{code}");
            }
            let misfit = terms.condition.as_ref().and_then(|condition| condition.misfit(resource));
            assert_eq!(misfit, None);
            let text = terms.text(&"hub.example".parse().unwrap(), Place { version: 1, previous: None });
            assert_eq!(wire::read_agreement_text(&wire::encode_agreement_text(&text)).unwrap(), text);
        }
        let fields = |file| Terms::parse(file).unwrap().fields;
        assert_ne!(fields(HOUSING), fields(TAXATION), "one record, other fields for each");
    }

    #[test]
    fn days_are_civil_days_and_the_last_is_included() {
        let terms = Terms::parse(HOUSING).unwrap();
        assert_eq!(terms.valid_from.begin(), at("2026-01-01T00:00:00+08:00"));
        assert_eq!(terms.valid_until.end(), at("2029-01-01T00:00:00+08:00"));
        let exact = HOUSING.replace("valid_from = 2026-01-01", "valid_from = 2026-01-01T12:30:00+08:00");
        assert_eq!(Terms::parse(&exact).unwrap().valid_from.begin(), at("2026-01-01T04:30:00Z"));
    }

    #[test]
    fn a_faulty_file_is_refused_by_line_and_column() {
        for (from, to, said) in [
            ("id = \"", "id = \"Ä", "agreement id is not well formed"),
            ("daily_limit", "dayly_limit", "unknown field `dayly_limit`"),
            ("batch_limit = ", "batch_limit = 0 #", "must be at least 1"),
            ("fields = [", "fields = [\"CZZT\", ", "named twice"),
            ("lookups = [", "lookups = [\"name\", ", "allowed are \"record\" and \"holder\""),
            ("valid_from = 2026-01-01", "valid_from = 2026-01-01T00:00:00", "allowed is a day such as"),
            ("43T\"", "43A\"", "check character"),
            ("batch_limit = ", "minute_limit = 0\nbatch_limit = ", "nonzero"),
            ("batch_limit = ", "networks = [\"10.44.1.0/16\"]\nbatch_limit = ", "beyond the prefix length"),
            ("batch_limit = ", "retention_days = 0\nbatch_limit = ", "must be 1 to 36500 days"),
            ("batch_limit = ", "condition = { field = \"CZZT\" }\nbatch_limit = ", "allowed is `all`"),
        ] {
            let changed = HOUSING.replacen(from, to, 1);
            assert_ne!(changed, HOUSING, "{from}");
            let error = Terms::parse(&changed).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("line ") && error.contains("column "), "{from}: {error}");
        }
        let backwards = HOUSING.replacen("valid_until = 2028", "valid_until = 2025", 1);
        assert!(Terms::parse(&backwards).unwrap_err().to_string().contains("`valid_until`"));
    }
}
