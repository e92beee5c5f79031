//! Providers' keys that a system has from the providers themselves, and not from the hub.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::Deserialize;

use super::Error;
use crate::{
    domain::{id::KeyId, identifier::Uscc},
    files, wire,
};

/// The keys under which the records of some providers are believed, whatever the directory of a hub says. A provider that is
/// not named is believed under any key that the directory has for it.
///
/// ```toml
/// [pins]
/// 11440399X00000019A = ["pY45Ch20cGyAQtRiBI600GoKVyCXhHAT2XDZOKcTK4M"]
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "BTreeMap<String, Vec<String>>")]
pub struct Pins(BTreeMap<Uscc, BTreeSet<KeyId>>);

impl Pins {
    /// Reads the table `pins` of a file: a profile, or a file with nothing else.
    ///
    /// # Errors
    /// [`Error::Profile`] where the file does not read, has no such table, or a pin is not well formed.
    pub fn read(path: &Path) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Pinning {
            pins: Pins,
        }
        let at_fault = |what: String| Error::Profile { path: path.to_owned(), what };
        let text = files::read_text(path).map_err(|error| at_fault(error.to_string()))?;
        let Pinning { pins } = toml::from_str(&text).map_err(|error| at_fault(error.to_string()))?;
        Ok(pins)
    }

    /// Whether a provider's records may be believed under a key.
    ///
    /// # Errors
    /// Provider, key and pins in words, where the provider has pins and this key is none of them.
    pub(super) fn allow(&self, provider: &str, key: KeyId) -> Result<(), String> {
        let pinned = self.0.iter().find(|(uscc, _)| uscc.as_str() == provider).map(|(_, keys)| keys);
        let Some(keys) = pinned.filter(|keys| !keys.contains(&key)) else { return Ok(()) };
        let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
        Err(format!("key {key} of provider {provider} is not pinned; its pins are {}", keys.join(", ")))
    }
}

impl Pins {
    /// Whether a department's record of another's resource may be believed as far as pins go: where the resource's provider is pinned,
    /// so must be whoever else has issued it. Without that a hub could pass by a provider's pins, with a right that nobody granted to
    /// a department that is not pinned.
    ///
    /// # Errors
    /// Both in words.
    pub(super) fn allow_issuer(&self, provider: &Uscc, issuer: &Uscc) -> Result<(), String> {
        if self.0.contains_key(provider) && !self.0.contains_key(issuer) {
            return Err(format!("provider {provider} is pinned, so {issuer}, which issued it, must be pinned too"));
        }
        Ok(())
    }
}

impl TryFrom<BTreeMap<String, Vec<String>>> for Pins {
    type Error = String;

    fn try_from(written: BTreeMap<String, Vec<String>>) -> Result<Self, String> {
        let mut pins = BTreeMap::new();
        for (provider, keys) in written {
            let uscc: Uscc = provider.parse().map_err(|error| format!("pins of `{provider}`: {error}"))?;
            let kid = |text: &String| {
                let malformed = || format!("pins of {provider}: `{text}` is not 43 characters of base64url");
                wire::kid_from_text(text).ok_or_else(malformed)
            };
            let keys: BTreeSet<_> = keys.iter().map(kid).collect::<Result<_, _>>()?;
            if keys.is_empty() {
                return Err(format!("pins of {provider}: at least one key, or no pins at all"));
            }
            pins.insert(uscc, keys);
        }
        Ok(Self(pins))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::client::fixture::{CONSUMER, PROVIDER};

    fn pinned(text: &str) -> Result<Pins, Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Pins::read(file.path())
    }

    #[test]
    fn a_pinned_provider_is_believed_under_its_pins_alone() {
        let (one, other) = (KeyId([1; 32]), KeyId([2; 32]));
        let pins = pinned(&format!("hub = \"x\"\n[pins]\n{PROVIDER} = [\"{one}\"]\n")).unwrap();
        assert_eq!(pins.allow(PROVIDER, one), Ok(()));
        assert_eq!(pins.allow(CONSUMER, other), Ok(()), "a provider without pins");
        let why = pins.allow(PROVIDER, other).unwrap_err();
        for said in [PROVIDER, &one.to_string(), &other.to_string()] {
            assert!(why.contains(said), "{said}: {why}");
        }
        assert_eq!(Pins::default().allow(PROVIDER, other), Ok(()));
    }

    #[test]
    fn faulty_pins_are_named() {
        for (text, said) in [
            ("", "missing field `pins`"),
            ("[pins]\n11440399X00000019B = []\n", "11440399X00000019B"),
            ("[pins]\n11440399X00000019A = []\n", "at least one key"),
            ("[pins]\n11440399X00000019A = [\"abc\"]\n", "`abc` is not 43 characters"),
        ] {
            let error = pinned(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
