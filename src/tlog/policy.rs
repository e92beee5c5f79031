//! Trust policies (C2SP tlog-policy): which logs are known, and whose cosignatures a checkpoint needs.
//!
//! ```text
//! log <vkey> [<url>]                         any one of the logs listed must have signed
//! witness <name> <vkey> [<url>]
//! group <name> <k>|any|all <member>…         witnesses a checkpoint if k, one or all of its members do
//! quorum <name>|none                         exactly once: the witness or group that is required
//! # comment
//! ```
//!
//! Names are of the file alone, and opaque bytes. A line refers only to names on lines before it. Two logs, or two witnesses,
//! with the same public key are refused, so that nobody counts twice. Narrower than the standard: witnesses' keys are Ed25519
//! (type 0x04), and URLs are UTF-8.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    str::FromStr,
};

use super::{
    Error,
    checkpoint::parse_decimal,
    cosignature::CosignerKey,
    error::excerpt,
    vkey::{PUBLIC_KEY_LEN, VerifierKey},
};

/// The longest policy read, in bytes. The standard asks for 32 logs, witnesses and groups at least, which take less than
/// 100 kB even with the longest names.
pub const MAX_POLICY_LEN: usize = 1 << 20;

/// The predefined name of the quorum that needs nobody.
const NONE: &[u8] = b"none";

/// The name of a witness or group within one policy: any bytes but ASCII control characters and spaces.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PolicyName(Vec<u8>);

impl PolicyName {
    /// The name's bytes; text in UTF-8 is recommended, not demanded.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for PolicyName {
    /// The name as text; what is not UTF-8 is replaced.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

/// A log that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyLog {
    /// Its key, whose name is its origin.
    pub key: VerifierKey,
    /// Where it is, as the application means it.
    pub url: Option<String>,
}

/// A witness that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyWitness {
    /// Its name in the policy.
    pub name: PolicyName,
    /// Its key.
    pub key: CosignerKey,
    /// Its submission prefix, under which C2SP tlog-witness finds `/add-checkpoint`.
    pub url: Option<String>,
}

/// A witness or a group, by its place among the policy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Member {
    Witness(usize),
    Group(usize),
}

/// A group: at least `threshold` of its members must witness.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    threshold: usize,
    members: Vec<Member>,
}

/// Which logs are known, which witnesses, and the quorum.
///
/// ```
/// use hutong::tlog::TrustPolicy;
///
/// let policy = TrustPolicy::parse(b"\
///     witness court witness.example.org/1+f061f8c0+BBOY9ixtGkV8UbpqS189vS9p/KkyFiGNyJl+QWvRfZPK\n\
///     quorum court\n")?;
/// assert!(policy.is_met(|witness| witness.name.as_bytes() == b"court"));
/// assert!(!policy.is_met(|_| false));
/// # Ok::<(), hutong::tlog::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustPolicy {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    quorum: Option<(PolicyName, Member)>,
}

impl TrustPolicy {
    /// Reads a policy.
    ///
    /// # Errors
    ///
    /// [`Error::Policy`], with the line and what is allowed there.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let at = |line: usize| move |what: String| Error::Policy { line, what };
        if bytes.len() > MAX_POLICY_LEN {
            return Err(at(1)(format!("has {} bytes, at most {MAX_POLICY_LEN} are allowed", bytes.len())));
        }
        let mut draft = Draft::default();
        let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        let end = lines.len();
        for (line, number) in lines.into_iter().zip(1..) {
            // What follows the last newline is no line; a file cut short must not pass for another policy.
            if number == end && !line.is_empty() {
                return Err(at(number)("the last line does not end with a newline".to_owned()));
            }
            draft.read(line).map_err(at(number))?;
        }
        draft.finish().map_err(at(end))
    }

    /// The logs that are known; there may be none where the application knows its log otherwise.
    #[must_use]
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }

    /// The witnesses that are known, in the order of the file.
    #[must_use]
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// The witness or group that is required; `None` where nobody is.
    #[must_use]
    pub fn quorum(&self) -> Option<&PolicyName> {
        self.quorum.as_ref().map(|(name, _)| name)
    }

    /// Whether a checkpoint that these witnesses have cosigned meets the quorum.
    #[must_use]
    pub fn is_met(&self, has_cosigned: impl Fn(&PolicyWitness) -> bool) -> bool {
        let witnesses: Vec<bool> = self.witnesses.iter().map(has_cosigned).collect();
        let mut groups: Vec<bool> = Vec::with_capacity(self.groups.len());
        let witnessed = |groups: &[bool], member: &Member| match member {
            Member::Witness(index) => witnesses.get(*index) == Some(&true),
            Member::Group(index) => groups.get(*index) == Some(&true),
        };
        // A group's members stand before it, so each is decided when it is needed.
        for group in &self.groups {
            let count = group.members.iter().filter(|member| witnessed(&groups, member)).count();
            groups.push(count >= group.threshold);
        }
        self.quorum.as_ref().is_none_or(|(_, member)| witnessed(&groups, member))
    }
}

/// A policy whose lines are still being read.
#[derive(Default)]
struct Draft {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    names: HashMap<Vec<u8>, Member>,
    log_keys: HashSet<[u8; PUBLIC_KEY_LEN]>,
    witness_keys: HashSet<[u8; PUBLIC_KEY_LEN]>,
    quorum: Option<Option<(PolicyName, Member)>>,
}

impl Draft {
    fn read(&mut self, line: &[u8]) -> Result<(), String> {
        if let Some(byte) = line.iter().find(|byte| matches!(byte, 0..=0x08 | 0x0a..=0x1f | 0x7f)) {
            return Err(format!("has the control character 0x{byte:02x}, allowed are tab and newline"));
        }
        let items: Vec<&[u8]> = line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|i| !i.is_empty()).collect();
        match items.as_slice() {
            [] => Ok(()),
            [first, ..] if first.starts_with(b"#") => Ok(()),
            [b"log", vkey] => self.read_log(vkey, None),
            [b"log", vkey, url] => self.read_log(vkey, Some(url)),
            [b"log", ..] => Err("a log is `log <vkey> [<url>]`".to_owned()),
            [b"witness", name, vkey] => self.read_witness(name, vkey, None),
            [b"witness", name, vkey, url] => self.read_witness(name, vkey, Some(url)),
            [b"witness", ..] => Err("a witness is `witness <name> <vkey> [<url>]`".to_owned()),
            [b"group", name, threshold, members @ ..] if !members.is_empty() => {
                self.read_group(name, threshold, members)
            }
            [b"group", ..] => Err("a group is `group <name> <k>|any|all <member>…`".to_owned()),
            [b"quorum", name] => self.read_quorum(name),
            [b"quorum", ..] => Err("the quorum is `quorum <name>` or `quorum none`".to_owned()),
            [other, ..] => {
                Err(format!("begins with {}, allowed are `log`, `witness`, `group`, `quorum` and `#`", quoted(other)))
            }
        }
    }

    fn read_log(&mut self, vkey: &[u8], url: Option<&&[u8]>) -> Result<(), String> {
        let key: VerifierKey = read_key(vkey)?;
        if !self.log_keys.insert(*key.public_key()) {
            return Err("is a log with the same public key as an earlier one".to_owned());
        }
        self.logs.push(PolicyLog { key, url: url.map(|url| read_url(url)).transpose()? });
        Ok(())
    }

    fn read_witness(&mut self, name: &[u8], vkey: &[u8], url: Option<&&[u8]>) -> Result<(), String> {
        let key: CosignerKey = read_key(vkey)?;
        if !self.witness_keys.insert(*key.public_key()) {
            return Err("is a witness with the same public key as an earlier one".to_owned());
        }
        let url = url.map(|url| read_url(url)).transpose()?;
        let name = self.define(name, Member::Witness(self.witnesses.len()))?;
        self.witnesses.push(PolicyWitness { name, key, url });
        Ok(())
    }

    fn read_group(&mut self, name: &[u8], threshold: &[u8], names: &[&[u8]]) -> Result<(), String> {
        let mut members = Vec::with_capacity(names.len());
        let mut seen = HashSet::new();
        for member in names {
            if *member == NONE {
                return Err("names `none` as a member, which only the quorum can be".to_owned());
            }
            let found = self.find(member)?;
            if !seen.insert(found) {
                return Err(format!("names {} as a member twice", quoted(member)));
            }
            members.push(found);
        }
        let count = members.len();
        let threshold = match threshold {
            b"any" => 1,
            b"all" => count,
            k => parse_threshold(k)
                .filter(|k| (1..=count).contains(k))
                .ok_or_else(|| format!("has the threshold {}, allowed are `any`, `all` and 1 to {count}", quoted(k)))?,
        };
        self.define(name, Member::Group(self.groups.len()))?;
        self.groups.push(Group { threshold, members });
        Ok(())
    }

    fn read_quorum(&mut self, name: &[u8]) -> Result<(), String> {
        if self.quorum.is_some() {
            return Err("is a second quorum, there must be exactly one".to_owned());
        }
        let required = if name == NONE { None } else { Some((PolicyName(name.to_vec()), self.find(name)?)) };
        self.quorum = Some(required);
        Ok(())
    }

    fn define(&mut self, name: &[u8], member: Member) -> Result<PolicyName, String> {
        if name == NONE {
            return Err("defines `none`, which is predefined".to_owned());
        }
        match self.names.insert(name.to_vec(), member) {
            None => Ok(PolicyName(name.to_vec())),
            Some(_) => Err(format!("defines {} a second time", quoted(name))),
        }
    }

    fn find(&self, name: &[u8]) -> Result<Member, String> {
        let unknown = || format!("names {}, which no line before it defines as a witness or group", quoted(name));
        self.names.get(name).copied().ok_or_else(unknown)
    }

    fn finish(self) -> Result<TrustPolicy, String> {
        let quorum = self.quorum.ok_or("there is no quorum: a line `quorum <name>` or `quorum none` is required")?;
        Ok(TrustPolicy { logs: self.logs, witnesses: self.witnesses, groups: self.groups, quorum })
    }
}

fn read_key<K: FromStr<Err = Error>>(vkey: &[u8]) -> Result<K, String> {
    let vkey = str::from_utf8(vkey).map_err(|_| "has a vkey that is not UTF-8".to_owned())?;
    vkey.parse().map_err(|error: Error| error.to_string())
}

fn read_url(url: &[u8]) -> Result<String, String> {
    str::from_utf8(url).map(str::to_owned).map_err(|_| "has a URL that is not UTF-8".to_owned())
}

fn parse_threshold(text: &[u8]) -> Option<usize> {
    parse_decimal(str::from_utf8(text).ok()?)?.try_into().ok()
}

/// A hostile item as it can be shown.
fn quoted(item: &[u8]) -> String {
    format!("{:?}", excerpt(&String::from_utf8_lossy(item)))
}
