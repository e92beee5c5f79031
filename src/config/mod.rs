//! A hub's folder and its settings, `hutong.toml`.
//!
//! Settings name files; they hold no secret themselves. Paths that are not absolute are of the hub's folder.

mod http;
mod limits;
mod openings;
mod seals;
mod witnesses;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

pub use http::{Http, Public};
pub use limits::Limits;
pub use openings::Openings;
pub use seals::Seals;
pub use witnesses::Witnesses;

use crate::{
    domain::id::DomainName,
    files,
    sign::{Secret, SigningKey, sealing::VaultKey},
};

/// The settings in a hub's folder. A folder with this file is a hub's: `hutong init` makes it last.
pub const SETTINGS: &str = "hutong.toml";
/// The published checkpoint, in a hub's folder, where there are witnesses.
pub const PUBLISHED: &str = "published.checkpoint";
/// The checkpoint that made the hub halt, in its folder: as long as the log does not continue it, the hub does not start.
pub const CONTRADICTION: &str = "contradiction.checkpoint";
/// What the storage engine keeps of a hub's first log, in its folder.
pub const STORE: &str = "store";
/// Copies of logs that others continue, in a hub's folder, each in one named for the log's year.
pub const ARCHIVE: &str = "log-archive";
/// The port of a hub: not registered with IANA for anything.
pub const PORT: u16 = 7443;
/// Bytes of the vault key. Its file holds them as hexadecimal digits.
const VAULT_KEY_LENGTH: usize = Secret::LENGTH;

/// What is wrong with settings, or with the files that they name.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// They do not read.
    #[error("{}, line {line}, column {column}: {problem}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The character in the line, from 1.
        column: usize,
        /// What is wrong, and what is allowed.
        problem: String,
    },
    /// Values that are not allowed, all of them.
    #[error("{}: {}", path.display(), problems.join("\n"))]
    Values {
        /// The file.
        path: PathBuf,
        /// For each what is wrong and what is allowed.
        problems: Vec<String>,
    },
    /// A key file that is no key.
    #[error("{} is no such key: {problem}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong, without quoting it.
        problem: String,
    },
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] files::Error),
}

/// A hub's settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The hub's stable domain, which every statement names. Fixed at genesis.
    #[serde(with = "domain_name")]
    pub hub: DomainName,
    /// The trust domain of the systems' SPIFFE IDs. Fixed at genesis.
    #[serde(with = "domain_name")]
    pub trust_domain: DomainName,
    /// The year of the log, which ends its origin. Fixed at genesis.
    pub log_year: u16,
    /// Where the hub listens.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// What the storage engine keeps. A rollover makes another.
    #[serde(default = "default_store", skip_serializing_if = "is_default_store")]
    pub store: PathBuf,
    /// The key that seals record bodies and openings. It belongs on other storage than the hub's folder.
    pub vault_key: PathBuf,
    /// The private JWK that signs checkpoints.
    #[serde(default = "default_log_key")]
    pub log_key: PathBuf,
    /// A file on other storage that keeps the newest checkpoint, by which a log that was rolled back is noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_water_path: Option<PathBuf>,
    /// The certificates.
    #[serde(default)]
    pub tls: TlsFiles,
    /// The bounds of the edge.
    #[serde(default)]
    pub limits: Limits,
    /// The log over HTTP.
    #[serde(default)]
    pub http: Http,
    /// Who sees checkpoints before they are published.
    #[serde(default)]
    pub witnesses: Witnesses,
    /// How long openings are kept.
    #[serde(default)]
    pub openings: Openings,
    /// Whom e-seals are trusted by.
    #[serde(default)]
    pub seals: Seals,
    /// What is written to stderr.
    #[serde(default)]
    pub trace: Trace,
}

/// The files of mutual TLS.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsFiles {
    /// The hub's certificate, and after it any intermediate ones, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// The authorities whose certificates clients must have, PEM.
    pub client_ca: PathBuf,
    /// The authorities' lists of revoked certificates (CRLs), PEM or DER. With none nothing is checked.
    pub crls: Vec<PathBuf>,
    /// What becomes of a client whose authority none of the lists is of.
    pub crl_missing: CrlPolicy,
    /// What becomes of a client whose authority's list has ended.
    pub crl_expired: CrlPolicy,
}

/// What becomes of clients where the lists of revoked certificates say nothing that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum CrlPolicy {
    /// They are refused: nobody who was revoked gets in, and nobody else until there is a list again.
    #[default]
    Refuse,
    /// They are accepted as if there were no lists.
    Accept,
}

impl Default for TlsFiles {
    fn default() -> Self {
        Self {
            certificate: "tls/server.pem".into(),
            key: "tls/server.key".into(),
            client_ca: "pki/ca.pem".into(),
            crls: Vec::new(),
            crl_missing: CrlPolicy::default(),
            crl_expired: CrlPolicy::default(),
        }
    }
}

/// What is written to stderr about the hub's work. It never contains what a statement keeps out of the log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Trace {
    /// Its form.
    pub format: TraceFormat,
    /// How much of it.
    pub level: TraceLevel,
}

/// The form of trace lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum TraceFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// How much is traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum TraceLevel {
    /// What needs someone's attention now.
    Error,
    /// And what will need it.
    Warn,
    /// And starts, stops, and calls that were not answered well.
    #[default]
    Info,
    /// And every call.
    Debug,
    /// And everything else.
    Trace,
}

fn default_listen() -> SocketAddr {
    // Loopback: being reachable from elsewhere is a decision.
    SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))
}

fn default_store() -> PathBuf {
    STORE.into()
}

fn is_default_store(store: &Path) -> bool {
    store == Path::new(STORE)
}

fn default_log_key() -> PathBuf {
    "keys/log.key.jwk".into()
}

impl Settings {
    /// Settings with every default.
    pub fn new(hub: DomainName, trust_domain: DomainName, log_year: u16, vault_key: PathBuf) -> Self {
        Self {
            hub,
            trust_domain,
            log_year,
            store: default_store(),
            listen: default_listen(),
            vault_key,
            log_key: default_log_key(),
            high_water_path: None,
            tls: TlsFiles::default(),
            limits: Limits::default(),
            http: Http::default(),
            witnesses: Witnesses::default(),
            openings: Openings::default(),
            seals: Seals::default(),
            trace: Trace::default(),
        }
    }

    /// Reads the settings in a hub's folder; every path in the result is found from where the program runs.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Syntax`] with line and column and the keys allowed; [`Error::Values`].
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(SETTINGS);
        let mut settings = Self::parse(&files::read_text(&path)?, &path)?;
        let tls = &mut settings.tls;
        for file in
            [&mut tls.certificate, &mut tls.key, &mut tls.client_ca, &mut settings.vault_key, &mut settings.log_key]
                .into_iter()
                .chain(&mut tls.crls)
                .chain([&mut settings.store])
                .chain(settings.high_water_path.as_mut())
                .chain(settings.witnesses.policy.as_mut())
                .chain(settings.witnesses.ca.as_mut())
                .chain(settings.seals.trust.as_mut())
        {
            *file = folder.join(&file);
        }
        Ok(settings)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let settings: Self = toml::from_str(text).map_err(|error| syntax(path, text, &error))?;
        let mut problems = settings.limits.problems();
        problems.extend(settings.http.problems());
        problems.extend(settings.openings.problems());
        if problems.is_empty() { Ok(settings) } else { Err(Error::Values { path: path.to_owned(), problems }) }
    }

    /// The origin of the log of a year.
    pub fn origin_of(&self, year: u16) -> String {
        format!("{}/exchange-log/{year}", self.hub)
    }

    /// The settings in `text` with the log of another year: its year, store and key, and a high-water mark of its own. Everything
    /// else, comments too, stays as it is.
    ///
    /// # Errors
    /// As [`Settings::read`], of what is in `text`.
    pub fn rolled_over(text: &str, year: u16, store: &Path, log_key: &Path) -> Result<String, Error> {
        let mut settings = Self::parse(text, Path::new(SETTINGS))?;
        settings.log_year = year;
        settings.store = store.to_owned();
        settings.log_key = log_key.to_owned();
        settings.high_water_path = settings.high_water_path.map(|path| path.with_extension(year.to_string()));
        let mut values = vec![
            ("log_year", toml::Value::Integer(year.into())),
            ("store", path_value(&settings.store)),
            ("log_key", path_value(&settings.log_key)),
        ];
        values.extend(settings.high_water_path.as_deref().map(|path| ("high_water_path", path_value(path))));
        let is_table = |line: &str| line.trim_start().starts_with('[');
        let of = |line: &str| line.split_once('=').map(|(key, _)| key.trim().to_owned());
        // Values come before the first table.
        let (top, tables): (Vec<_>, Vec<_>) = {
            let lines: Vec<_> = text.lines().collect();
            let end = lines.iter().position(|line| is_table(line)).unwrap_or(lines.len());
            let (top, tables) = lines.split_at(end);
            (top.to_vec(), tables.to_vec())
        };
        let is_replaced = |line: &&str| of(line).is_some_and(|key| values.iter().any(|(name, _)| *name == key));
        let mut edited: Vec<String> = top.into_iter().filter(|line| !is_replaced(line)).map(str::to_owned).collect();
        edited.splice(0..0, values.iter().map(|(name, value)| format!("{name} = {value}")));
        edited.extend(tables.into_iter().map(str::to_owned));
        let edited = edited.join("\n") + "\n";
        if Self::parse(&edited, Path::new(SETTINGS))? == settings {
            return Ok(edited);
        }
        let problems = vec!["log_year, store, log_key and high_water_path must stand on lines of their own".to_owned()];
        Err(Error::Values { path: SETTINGS.into(), problems })
    }

    /// The settings as `hutong.toml`.
    ///
    /// # Errors
    /// When a path is not UTF-8.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    /// The log's origin, which is the name of its key: `<hub>/exchange-log/<year>`.
    pub fn origin(&self) -> String {
        self.origin_of(self.log_year)
    }

    /// Reads the key that signs checkpoints.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Key`].
    pub fn read_log_key(&self) -> Result<SigningKey, Error> {
        let text = files::read_secret(&self.log_key)?;
        SigningKey::from_jwk(text.trim())
            .map_err(|error| Error::Key { path: self.log_key.clone(), problem: error.to_string() })
    }

    /// Reads the vault key.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Key`].
    pub fn read_vault_key(&self) -> Result<VaultKey, Error> {
        read_vault_key(&self.vault_key)
    }
}

/// Reads a vault key's file: 64 hexadecimal digits.
///
/// # Errors
/// [`Error::File`], [`Error::Key`].
pub fn read_vault_key(path: &Path) -> Result<VaultKey, Error> {
    let text = files::read_secret(path)?;
    let mut bytes = zeroize::Zeroizing::new([0; VAULT_KEY_LENGTH]);
    hex::decode_to_slice(text.trim(), &mut *bytes).map_err(|_| Error::Key {
        path: path.to_owned(),
        problem: format!("a vault key is {} hexadecimal digits", 2 * VAULT_KEY_LENGTH),
    })?;
    Ok(VaultKey::new(Secret::from_bytes(&bytes)))
}

/// The contents of a vault key's file.
pub fn vault_key_text(secret: &Secret) -> zeroize::Zeroizing<String> {
    let digits = zeroize::Zeroizing::new(hex::encode(secret.expose()));
    zeroize::Zeroizing::new(format!("{}\n", *digits))
}

/// A parser's error with its place as people count.
fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> Error {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..).map_or(0, |line| line.chars().count()) + 1;
    let line = before.matches('\n').count() + 1;
    Error::Syntax { path: path.to_owned(), line, column, problem: error.message().to_owned() }
}

fn path_value(path: &Path) -> toml::Value {
    toml::Value::String(path.to_string_lossy().into_owned())
}

mod domain_name {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::domain::id::DomainName;

    pub(super) fn serialize<S: Serializer>(name: &DomainName, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(name.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DomainName, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    const LEAST: &str =
        "hub = \"hub.gov.example\"\ntrust_domain = \"gov.example\"\nlog_year = 2026\nvault_key = \"/v\"\n";

    fn parse(text: &str) -> Result<Settings, String> {
        Settings::parse(text, Path::new(SETTINGS)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_least_settings_are_the_defaults_and_read_back() {
        let settings = parse(LEAST).unwrap();
        let expected =
            Settings::new("hub.gov.example".parse().unwrap(), "gov.example".parse().unwrap(), 2026, "/v".into());
        assert_eq!(settings, expected);
        assert_eq!(settings.origin(), "hub.gov.example/exchange-log/2026");
        assert_eq!(parse(&settings.to_toml().unwrap()).unwrap(), settings);
    }

    #[test]
    fn errors_say_where_and_what_is_allowed() {
        let table = [
            (
                format!("{LEAST}lsten = \"127.0.0.1:1\"\n"),
                "hutong.toml, line 5, column 1: unknown field `lsten`, expected one of `hub`, `trust_domain`, \
                 `log_year`, `listen`, `store`, `vault_key`, `log_key`, `high_water_path`, `tls`, `limits`, `http`, \
                 `witnesses`, `openings`, `seals`, `trace`",
            ),
            (
                format!("{LEAST}[tls]\ncertificate = \"a\"\n  cert = \"b\"\n"),
                "hutong.toml, line 7, column 3: unknown field `cert`, expected one of `certificate`, `key`, `client_ca`, \
                 `crls`, `crl_missing`, `crl_expired`",
            ),
            (
                LEAST.replace("hub.gov.example", "Hub"),
                "hutong.toml, line 1, column 7: domain name is not well formed: allowed is lower-case letters, \
                 digits, hyphens and dots, at most 200 characters",
            ),
            (LEAST.replace("log_year = 2026\n", ""), "hutong.toml, line 1, column 1: missing field `log_year`"),
            (
                format!("{LEAST}[limits]\nconnections = 0\nmax_message_bytes = 1\n"),
                "hutong.toml: limits.max_message_bytes = 1: allowed is 65536 to 67108864\n\
                 limits.connections = 0: allowed is 1 to 100000",
            ),
            (
                format!("{LEAST}[trace]\nlevel = \"loud\"\n"),
                "hutong.toml, line 6, column 9: unknown variant `loud`, expected one of `error`, `warn`, `info`, \
                 `debug`, `trace`",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(parse(&text).unwrap_err(), expected);
        }
    }

    #[test]
    fn a_rollover_changes_its_own_lines_only() {
        let text = format!(
            "# ours\n{LEAST}high_water_path = \"/mark/high\" # far away\n\n[trace]\nlevel = \"warn\" # quiet\n"
        );
        let rolled =
            Settings::rolled_over(&text, 2027, Path::new("store-2027"), Path::new("keys/log-2027.key.jwk")).unwrap();
        assert_eq!(
            rolled,
            "log_year = 2027\nstore = \"store-2027\"\nlog_key = \"keys/log-2027.key.jwk\"\nhigh_water_path = \"/mark/high.2027\"\n\
             # ours\nhub = \"hub.gov.example\"\ntrust_domain = \"gov.example\"\nvault_key = \"/v\"\n\n[trace]\n\
             level = \"warn\" # quiet\n"
        );
    }

    #[test]
    fn paths_are_of_the_hubs_folder_unless_absolute() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(SETTINGS), LEAST).unwrap();
        let settings = Settings::read(folder.path()).unwrap();
        assert_eq!(settings.log_key, folder.path().join("keys/log.key.jwk"));
        assert_eq!(settings.vault_key, Path::new("/v"));
    }

    #[test]
    fn a_vault_key_reads_back_and_its_errors_do_not_quote_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.key");
        let text = vault_key_text(&Secret::from_bytes(&[7; 32]));
        files::create(&path, text.as_bytes(), files::Readable::ByOwner).unwrap();
        let key = read_vault_key(&path).unwrap();
        assert!(!format!("{key:?}").contains("0707"));

        let broken = folder.path().join("broken.key");
        files::create(&broken, &text.as_bytes()[1..], files::Readable::ByOwner).unwrap();
        let error = read_vault_key(&broken).unwrap_err().to_string();
        assert!(error.contains("64 hexadecimal digits") && !error.contains("0707"), "{error}");
    }
}
