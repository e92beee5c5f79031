//! A system's settings: one TOML file, and the keys and certificates that it names.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use serde::{Deserialize, Deserializer, de::Error as _};
use zeroize::Zeroizing;

use super::{Error, Pins};
use crate::{
    domain::id::{DomainName, SystemId},
    files,
    sign::{LogVerifier, Secret, SigningKey},
    tlog::VerifierKey,
};

/// How long one attempt of a call may take where the profile does not say: far above any answer of a healthy hub (a batch of
/// 256 records takes well under a second), short enough that a person waits for it.
pub const DEFAULT_DEADLINE_SECONDS: u64 = 30;
/// The longest deadline, in seconds: a proxy would have cut the connection by then.
pub const MAX_DEADLINE_SECONDS: u64 = 600;

/// A system's settings, wholly checked, with everything that its file names read. [`Debug`] shows no secret.
///
/// ```toml
/// hub = "https://hub.example.gov:7443"     # where the hub listens
/// server_name = "hub.example.gov"          # the name in its certificate; without it the host above
/// hub_domain = "hub.example.gov"           # the hub's stable domain, which stands in every statement
/// log_vkey = "hub.example.gov/exchange-log/2026+ae04040a+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs"
/// system = "spiffe://gov.example/department/11440399X00000043T/system/permits"
/// ca = "ca.pem"                            # who may vouch for the hub's certificate
/// certificate = "permits.pem"              # this system's certificate for TLS, with its chain
/// private_key = "permits.key.pem"          # its private key
/// signing_key = "permits.key.jwk"          # signs statements and records
/// secret = "permits.secret"                # 64 hexadecimal digits: record salts, operators' pseudonyms
/// journal = "permits.journal"              # every signed statement, before it is sent
/// deadline_seconds = 30
///
/// [pins]                                   # providers' keys, as the providers say themselves
/// 11440399X00000019A = ["pY45Ch20cGyAQtRiBI600GoKVyCXhHAT2XDZOKcTK4M"]
/// ```
///
/// Records of a provider that has [`Pins`] are believed under these keys alone, whatever the hub's directory says.
/// Paths are relative to the file's folder. `secret` may be left out by systems that neither publish nor query. An unknown
/// key is an error.
pub struct Profile {
    pub(super) hub: String,
    pub(super) server_name: Option<String>,
    pub(super) hub_domain: DomainName,
    pub(super) log_key: LogVerifier,
    pub(super) system: SystemId,
    pub(super) ca: String,
    pub(super) certificate: String,
    pub(super) private_key: Zeroizing<String>,
    pub(super) signing_key: SigningKey,
    pub(super) secret: Option<Secret>,
    pub(super) journal: PathBuf,
    pub(super) deadline: Duration,
    pub(super) pins: Pins,
}

/// The file, as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(deserialize_with = "address")]
    hub: String,
    server_name: Option<String>,
    #[serde(deserialize_with = "parsed")]
    hub_domain: DomainName,
    #[serde(deserialize_with = "log_key")]
    log_vkey: LogVerifier,
    #[serde(deserialize_with = "parsed")]
    system: SystemId,
    ca: PathBuf,
    certificate: PathBuf,
    private_key: PathBuf,
    signing_key: PathBuf,
    secret: Option<PathBuf>,
    journal: PathBuf,
    #[serde(default = "default_deadline", deserialize_with = "deadline")]
    deadline_seconds: u64,
    #[serde(default)]
    pins: Pins,
}

fn default_deadline() -> u64 {
    DEFAULT_DEADLINE_SECONDS
}

impl Profile {
    /// Reads a profile and the files that it names.
    ///
    /// # Errors
    /// [`Error::Profile`] with the file's line and column where the file is at fault, or the key whose file is; nothing
    /// of a secret is quoted.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let at_fault = |what: String| Error::Profile { path: path.to_owned(), what };
        let text = files::read_text(path).map_err(|error| at_fault(error.to_string()))?;
        let settings: Settings = toml::from_str(&text).map_err(|error| at_fault(error.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        settings.load(folder).map_err(|(key, what)| at_fault(format!("key `{key}`: {what}")))
    }

    /// The system that these settings are of.
    #[must_use]
    pub fn system(&self) -> &SystemId {
        &self.system
    }

    /// The hub's stable domain.
    #[must_use]
    pub fn hub_domain(&self) -> &DomainName {
        &self.hub_domain
    }

    /// The public key of the hub's log, which every receipt is verified under.
    #[must_use]
    pub fn log_key(&self) -> &LogVerifier {
        &self.log_key
    }

    /// The providers' keys that are pinned.
    #[must_use]
    pub fn pins(&self) -> &Pins {
        &self.pins
    }

    /// Signs statements, agreements and records.
    #[must_use]
    pub fn signing_key(&self) -> &SigningKey {
        &self.signing_key
    }

    /// The secret from which a provider derives its record salts, and a consumer its operators' pseudonyms.
    ///
    /// # Errors
    /// [`Error::NoSecret`] when the profile names none.
    pub fn secret(&self) -> Result<&Secret, Error> {
        self.secret.as_ref().ok_or(Error::NoSecret)
    }
}

impl Settings {
    fn load(self, folder: &Path) -> Result<Profile, (&'static str, String)> {
        let text = |key, path: &Path| files::read_text(&folder.join(path)).map_err(|error| (key, error.to_string()));
        let secret =
            |key, path: &Path| files::read_secret(&folder.join(path)).map_err(|error| (key, error.to_string()));
        let signing_key = secret("signing_key", &self.signing_key)?;
        Ok(Profile {
            ca: text("ca", &self.ca)?,
            certificate: text("certificate", &self.certificate)?,
            private_key: secret("private_key", &self.private_key)?,
            signing_key: SigningKey::from_jwk(&signing_key).map_err(|error| ("signing_key", error.to_string()))?,
            secret: match &self.secret {
                Some(path) => Some(read_secret_bytes(&secret("secret", path)?).map_err(|what| ("secret", what))?),
                None => None,
            },
            journal: folder.join(self.journal),
            hub: self.hub,
            server_name: self.server_name,
            hub_domain: self.hub_domain,
            log_key: self.log_vkey,
            system: self.system,
            deadline: Duration::from_secs(self.deadline_seconds),
            pins: self.pins,
        })
    }
}

fn read_secret_bytes(text: &str) -> Result<Secret, String> {
    let mut bytes = Zeroizing::new([0; Secret::LENGTH]);
    hex::decode_to_slice(text.trim(), &mut *bytes)
        .map_err(|_| "the file is not 64 hexadecimal digits (32 bytes)".to_owned())?;
    Ok(Secret::from_bytes(&bytes))
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("hub", &self.hub)
            .field("hub_domain", &self.hub_domain)
            .field("system", &self.system)
            .field("signing_key", &self.signing_key)
            .field("journal", &self.journal)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err: fmt::Display>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn log_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LogVerifier, D::Error> {
    let vkey: VerifierKey = parsed(deserializer)?;
    LogVerifier::new(vkey).map_err(D::Error::custom)
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let uri = text
        .parse::<tonic::transport::Uri>()
        .ok()
        .filter(|uri| uri.scheme_str() == Some("https") && uri.port_u16().is_some() && matches!(uri.path(), "" | "/"));
    match uri {
        Some(_) => Ok(text),
        None => Err(D::Error::custom("not an address https://<host>:<port>")),
    }
}

fn deadline<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let seconds = u64::deserialize(deserializer)?;
    if (1..=MAX_DEADLINE_SECONDS).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(D::Error::custom(format!("{seconds} seconds, allowed are 1 to {MAX_DEADLINE_SECONDS}")))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::client::fixture;

    #[test]
    fn a_profile_is_read_with_the_files_that_it_names() {
        let folder = fixture::profile_folder();
        let profile = Profile::read(&folder.path().join("profile.toml")).unwrap();
        assert_eq!(profile.system().name(), "permits");
        assert_eq!(profile.deadline, Duration::from_secs(DEFAULT_DEADLINE_SECONDS));
        assert_eq!(profile.journal, folder.path().join("permits.journal"));
        assert_eq!(profile.secret().unwrap().expose(), &[0xab; 32]);
    }

    #[test]
    fn a_faulty_profile_is_refused_by_line_or_key() {
        let (_, text) = fixture::profile_text();
        for (from, to, said) in [
            ("hub = \"https://", "hub = \"http://", "line 1"),
            ("journal =", "jurnal =", "unknown field `jurnal`"),
            ("ca = \"ca.pem\"\n", "", "missing field `ca`"),
            ("/system/permits", "", "line 4"),
            ("exchange-log/2026+", "exchange-log/2026+0", "line 3"),
            ("ca = \"ca.pem\"", "ca = \"none.pem\"", "key `ca`"),
            ("permits.key.jwk", "ca.pem", "key `signing_key`"),
            ("permits.secret", "ca.pem", "key `secret`"),
            ("journal =", "deadline_seconds = 0\njournal =", "allowed are 1 to 600"),
            ("journal =", "pins = { 11440399X00000019A = [] }\njournal =", "at least one key"),
        ] {
            let folder = fixture::profile_folder();
            let path = folder.path().join("profile.toml");
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            std::fs::write(&path, changed).unwrap();
            let message = Profile::read(&path).unwrap_err().to_string();
            assert!(message.contains(said), "{from}: {message}");
            assert!(message.contains("profile.toml"), "{message}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let folder = fixture::profile_folder();
        let shown = format!("{:?}", Profile::read(&folder.path().join("profile.toml")).unwrap());
        assert!(!shown.contains("PRIVATE") && !shown.contains("abab"), "{shown}");
    }
}
