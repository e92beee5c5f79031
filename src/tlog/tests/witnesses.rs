//! Cosigners' keys, the messages of log and witness, and trust policies.

use std::collections::HashSet;

use proptest::prelude::*;

use super::{super::*, notes::CHECKPOINT};

/// A request with three hashes for the golden checkpoint.
pub(super) const REQUEST: &str = include_str!("../../../tests/vectors/tlog/add-checkpoint.txt");
/// The key with the seed 32 × 0x08.
pub(super) const WITNESS_VKEY: &str = include_str!("../../../tests/vectors/tlog/witness.vkey");
/// The golden checkpoint, cosigned with it.
const COSIGNED: &str = include_str!("../../../tests/vectors/tlog/cosigned-checkpoint.note");
const LOG_VKEY: &str = include_str!("../../../tests/vectors/tlog/log.vkey");

/// A witness's vkey, for each number another.
fn vkey(number: u8) -> String {
    CosignerKey::new("witness.example.org/1".parse().unwrap(), [number; PUBLIC_KEY_LEN]).to_string()
}

/// Three witnesses `a`, `b` and `c`, and these lines.
fn policy(lines: &str) -> Result<TrustPolicy, Error> {
    let witnesses: String =
        (1..).zip(["a", "b", "c"]).map(|(n, name)| format!("witness {name} {}\n", vkey(n))).collect();
    TrustPolicy::parse(format!("{witnesses}{lines}").as_bytes())
}

fn is_met(policy: &TrustPolicy, by: &str) -> bool {
    policy.is_met(|witness| by.contains(&witness.name.to_string()))
}

#[test]
fn cosigner_and_log_keys_are_not_taken_for_each_other() {
    let key: CosignerKey = WITNESS_VKEY.trim_end().parse().unwrap();
    assert_eq!(key.to_string(), WITNESS_VKEY.trim_end());
    assert_ne!(key.key_id(), KeyId::of_ed25519(key.name(), key.public_key()));
    assert!(WITNESS_VKEY.trim_end().parse::<VerifierKey>().is_err());
    assert!(LOG_VKEY.trim_end().parse::<CosignerKey>().is_err());
    let as_log = VerifierKey::new(key.name().clone(), *key.public_key()).to_string();
    let error = as_log.parse::<CosignerKey>().unwrap_err().to_string();
    assert!(error.contains("0x04"), "{error}");
}

#[test]
fn cosignature_holds_its_time_and_nothing_but_72_bytes() {
    let note = Note::parse(COSIGNED.as_bytes()).unwrap();
    let bytes = note.signatures().last().unwrap().signature();
    assert_eq!(bytes.len(), COSIGNATURE_LEN);
    let cosignature = Cosignature::decode(bytes).unwrap();
    assert_eq!(cosignature.time, 1_795_305_600);
    assert_eq!(cosignature.signature, bytes[8..]);
    let message = String::from_utf8(cosigned_message(cosignature.time, note.text())).unwrap();
    assert_eq!(message, format!("cosignature/v1\ntime 1795305600\n{}", note.text()));
    for len in (0..bytes.len()).chain([bytes.len() + 1]) {
        assert!(Cosignature::decode(&[bytes, &[0]].concat()[..len]).is_err(), "{len}");
    }
    for time in [0, MAX_COSIGNATURE_TIME + 1, u64::MAX] {
        let bytes = [time.to_be_bytes().as_slice(), &bytes[8..]].concat();
        assert!(Cosignature::decode(&bytes).is_err(), "{time}");
    }
}

#[test]
fn golden_request_is_read_and_written_again_to_the_byte() {
    let request = AddCheckpoint::parse(REQUEST.as_bytes()).unwrap();
    assert_eq!((request.old_size, request.proof.len()), (79_872, 3));
    assert_eq!(request.checkpoint.to_string(), CHECKPOINT);
    assert_eq!(request.to_string(), REQUEST);
    let first = AddCheckpoint { old_size: 0, proof: Vec::new(), ..request };
    assert_eq!(first.to_string(), format!("old 0\n\n{CHECKPOINT}"));
    assert_eq!(AddCheckpoint::parse(first.to_string().as_bytes()), Ok(first));
}

#[test]
fn malformed_requests_are_refused() {
    let hash = "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=";
    let hashes = |count: usize| format!("{hash}\n").repeat(count);
    assert!(AddCheckpoint::parse(format!("old 1\n{}\n{CHECKPOINT}", hashes(63)).as_bytes()).is_ok());
    let bad = [
        String::new(),
        "\n\n".to_owned(),
        CHECKPOINT.to_owned(),
        format!("\n{CHECKPOINT}"),
        format!("old 1\n{CHECKPOINT}"),
        format!("old  1\n\n{CHECKPOINT}"),
        format!("old 01\n\n{CHECKPOINT}"),
        format!("old -1\n\n{CHECKPOINT}"),
        format!("old +1\n\n{CHECKPOINT}"),
        format!("old 1 \n\n{CHECKPOINT}"),
        format!("old\n\n{CHECKPOINT}"),
        format!("Old 1\n\n{CHECKPOINT}"),
        format!("old 9223372036854775808\n\n{CHECKPOINT}"),
        format!("old 1\r\n\r\n{CHECKPOINT}"),
        format!("old 1\n\n\n{CHECKPOINT}"),
        format!("old 1\n{hash}=\n\n{CHECKPOINT}"),
        format!("old 1\n {hash}\n\n{CHECKPOINT}"),
        format!("old 1\n{}\n{CHECKPOINT}", hashes(64)),
        format!("old 1\n\n{}", CHECKPOINT.trim_end()),
        "old 1\n\ntext\n\n— name AAAAAAAA\n".to_owned(),
        format!("old 1\n\n{CHECKPOINT}{}", "— name AAAAAAAA\n".repeat(4_000)),
    ];
    for request in bad {
        assert!(AddCheckpoint::parse(request.as_bytes()).is_err(), "{:?}", request.get(..100).unwrap_or(&request));
    }
    assert!(AddCheckpoint::parse(b"old 1\n\n\xff").is_err());
}

#[test]
fn answers_of_a_witness_are_read_strictly() {
    let note = Note::parse(COSIGNED.as_bytes()).unwrap();
    let body = write_cosignatures(note.signatures());
    assert_eq!(parse_cosignatures(body.as_bytes()).as_deref(), Ok(note.signatures()));
    let many = "— name AAAAAAAA\n".repeat(MAX_SIGNATURES + 1);
    for bad in ["", "\n", body.trim_end(), &format!("{body}\n"), &body.replace('—', "-"), &many] {
        assert!(parse_cosignatures(bad.as_bytes()).is_err(), "{bad:?}");
    }
    assert!(parse_cosignatures(&vec![b'a'; MAX_COSIGNATURES_LEN + 1]).is_err());

    for size in [0, 1, 80_017, MAX_TREE_SIZE] {
        assert_eq!(parse_size(write_size(size).as_bytes()), Ok(size));
    }
    for bad in ["", "\n", "1", "01\n", "+1\n", " 1\n", "1\r\n", "1\n\n", "9223372036854775808\n", "one\n"] {
        assert!(parse_size(bad.as_bytes()).is_err(), "{bad:?}");
    }
}

#[test]
fn logs_are_named_by_the_sha_256_of_their_origin() {
    // printf hub.example.gov/exchange-log/2026 | sha256sum
    let origin = "hub.example.gov/exchange-log/2026".parse().unwrap();
    assert_eq!(origin_hash(&origin), "ef0065dcd1efb6472b4c9d5fff47c20273d9b4e371731d0aafc7b4c6b4f2e966");
}

#[test]
fn policy_with_groups_of_groups_is_read_with_comments_and_any_whitespace() {
    let text = format!(
        "# who is trusted 信任\n\t \n  log\t{}  https://log.example/ \nwitness 法院 {} https://court.example/w\n\
         witness b {}\nwitness c {}\ngroup pair 2 法院 b c\n  # indented\ngroup all-of all pair c\n\
         quorum all-of\nwitness late {}\n",
        LOG_VKEY.trim_end(),
        vkey(1),
        vkey(2),
        vkey(3),
        vkey(4),
    );
    let policy = TrustPolicy::parse(text.as_bytes()).unwrap();
    let [log] = policy.logs() else { panic!("{policy:?}") };
    assert_eq!((log.key.to_string().as_str(), log.url.as_deref()), (LOG_VKEY.trim_end(), Some("https://log.example/")));
    let names: Vec<_> = policy.witnesses().iter().map(|witness| witness.name.to_string()).collect();
    assert_eq!(names, ["法院", "b", "c", "late"]);
    assert_eq!(policy.witnesses()[0].url.as_deref(), Some("https://court.example/w"));
    assert_eq!(policy.quorum().unwrap().as_bytes(), b"all-of");
    assert!(is_met(&policy, "法院 c") && is_met(&policy, "b c"));
    assert!(!is_met(&policy, "法院 b") && !is_met(&policy, "c late"));
}

#[test]
fn quorum_may_be_nobody_one_witness_or_a_group() {
    let cases = [
        ("quorum none\n", "", true),
        ("quorum b\n", "b", true),
        ("quorum b\n", "a c", false),
        ("group g any a b\nquorum g\n", "b", true),
        ("group g any a b\nquorum g\n", "c", false),
        ("group g all a b c\nquorum g\n", "a b c", true),
        ("group g all a b c\nquorum g\n", "a b", false),
        ("group g 2 a b c\nquorum g\n", "c a", true),
        ("group g 2 a b c\nquorum g\n", "c", false),
        ("group g 1 a\nquorum g\n", "a", true),
        ("group g any a\ngroup h 2 g b c\nquorum h\n", "a c", true),
        ("group g any a\ngroup h 2 g b c\nquorum h\n", "a", false),
    ];
    for (lines, by, met) in cases {
        assert_eq!(is_met(&policy(lines).unwrap(), by), met, "{lines:?} by {by:?}");
    }
    assert_eq!(TrustPolicy::parse(b"quorum none\n").unwrap().witnesses(), []);
}

#[test]
fn malformed_policies_are_refused_with_their_line_and_what_is_allowed() {
    let cases: &[(&str, usize, &str)] = &[
        ("", 4, "no quorum"),
        ("group g any a\n", 5, "no quorum"),
        ("quorum a", 4, "newline"),
        ("quorum\n", 4, "`quorum <name>`"),
        ("quorum a b\n", 4, "`quorum <name>`"),
        ("quorum a\nquorum a\n", 5, "second quorum"),
        ("quorum none\nquorum a\n", 5, "second quorum"),
        ("quorum d\n", 4, "\"d\""),
        ("quorum g\ngroup g any a\n", 4, "before it"),
        ("group g any\n", 4, "`group <name>"),
        ("group g\n", 4, "`group <name>"),
        ("group g 0 a\n", 4, "1 to 1"),
        ("group g 2 a\n", 4, "1 to 1"),
        ("group g 01 a\n", 4, "1 to 1"),
        ("group g +1 a\n", 4, "1 to 1"),
        ("group g ANY a\n", 4, "`any`"),
        ("group g 99999999999999999999 a\n", 4, "1 to 1"),
        ("group g any a b a\n", 4, "twice"),
        ("group g any none\n", 4, "`none`"),
        ("group g any g\n", 4, "before it"),
        ("group none any a\n", 4, "predefined"),
        ("group a any b\n", 4, "second time"),
        ("witness a b c d\n", 4, "`witness <name>"),
        ("witness d x\n", 4, "verifier key"),
        ("log\n", 4, "`log <vkey>"),
        ("log x\n", 4, "verifier key"),
        ("Quorum a\n", 4, "allowed are"),
        ("quorum a # because\n", 4, "`quorum <name>`"),
        ("quorum a\r\n", 4, "0x0d"),
        ("quorum\u{b}a\n", 4, "0x0b"),
        ("# \u{7f}\n", 4, "0x7f"),
        ("quorum\u{a0}a\n", 4, "allowed are"),
    ];
    for (lines, number, words) in cases {
        match policy(lines) {
            Err(Error::Policy { line, what }) => {
                assert_eq!(line, *number, "{lines:?}: {what}");
                assert!(what.contains(words), "{lines:?}: {what}");
            }
            other => panic!("{lines:?}: {other:?}"),
        }
    }
    assert!(TrustPolicy::parse(&vec![b'\n'; MAX_POLICY_LEN + 1]).is_err());
}

#[test]
fn duplicates_and_keys_of_the_wrong_kind_are_refused() {
    let log = LOG_VKEY.trim_end();
    let renamed = VerifierKey::new("other".parse().unwrap(), *log.parse::<VerifierKey>().unwrap().public_key());
    let again = CosignerKey::new("another.example".parse().unwrap(), [1; PUBLIC_KEY_LEN]);
    for (lines, words) in [
        (format!("log {log}\nlog {log}\n"), "same public key"),
        (format!("log {log}\nlog {renamed}\n"), "same public key"),
        (format!("witness d {again}\n"), "same public key"),
        (format!("witness d {log}\n"), "0x04"),
        (format!("log {}\n", vkey(9)), "0x01"),
        (format!("witness a {}\n", vkey(9)), "second time"),
        (format!("witness none {}\n", vkey(9)), "predefined"),
    ] {
        let error = policy(&format!("{lines}quorum none\n")).unwrap_err().to_string();
        assert!(error.contains(words), "{lines}: {error}");
    }
}

#[test]
fn names_are_opaque_bytes() {
    let witnesses = format!("witness K {}\nwitness \u{212a} {}\n", vkey(1), vkey(2));
    let mut text = format!("{witnesses}witness ").into_bytes();
    text.extend([0xff, 0x80, b' ']);
    text.extend(format!("{}\nquorum ", vkey(3)).into_bytes());
    text.extend([0xff, 0x80, b'\n']);
    let policy = TrustPolicy::parse(&text).unwrap();
    assert_eq!(policy.witnesses().len(), 3);
    assert!(policy.is_met(|witness| witness.name.as_bytes() == [0xff, 0x80]));
}

/// What a group's threshold must come to, counted by recursion from the other end.
#[derive(Debug, Clone)]
enum Tree {
    Leaf(u8),
    Node(usize, Vec<Tree>),
}

impl Tree {
    fn is_met(&self, by: &HashSet<u8>) -> bool {
        match self {
            Self::Leaf(number) => by.contains(number),
            Self::Node(threshold, members) => members.iter().filter(|m| m.is_met(by)).count() >= *threshold,
        }
    }

    /// Writes the groups below, then this one; gives its name. Leaves get numbers of their own.
    fn write(&mut self, text: &mut String, next: &mut u8) -> String {
        match self {
            Self::Leaf(number) => {
                *number = *next;
                text.push_str(&format!("witness w{next} {}\n", vkey(*next)));
                *next += 1;
                format!("w{number}")
            }
            Self::Node(threshold, members) => {
                let names: Vec<_> = members.iter_mut().map(|member| member.write(text, next)).collect();
                *threshold = 1 + *threshold % names.len();
                let name = format!("g{}", text.len());
                text.push_str(&format!("group {name} {threshold} {}\n", names.join(" ")));
                name
            }
        }
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf = Just(Tree::Leaf(0));
    leaf.prop_recursive(4, 24, 4, |inner| {
        (0..8usize, prop::collection::vec(inner, 1..5)).prop_map(|(threshold, members)| Tree::Node(threshold, members))
    })
}

proptest! {
    #[test]
    fn quorum_of_any_tree_of_groups_is_that_of_counting(mut tree in trees(), by in prop::collection::hash_set(1..40u8, 0..30)) {
        let mut text = String::new();
        let name = tree.write(&mut text, &mut 1);
        let policy = TrustPolicy::parse(format!("{text}quorum {name}\n").as_bytes()).unwrap();
        let has_cosigned = |witness: &PolicyWitness| by.contains(&witness.key.public_key()[0]);
        prop_assert_eq!(policy.is_met(has_cosigned), tree.is_met(&by));
    }

    #[test]
    fn arbitrary_policies_never_panic_and_errors_name_a_line(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        lines in "((log|witness|group|quorum|#|none|any|all|1|a|g| |\t){0,6}\n){0,6}",
    ) {
        for bytes in [bytes.as_slice(), lines.as_bytes()] {
            match TrustPolicy::parse(bytes) {
                Ok(policy) => prop_assert!(policy.quorum().is_some() || policy.is_met(|_| false)),
                Err(Error::Policy { line, .. }) => {
                    prop_assert!((1..=bytes.split(|byte| *byte == b'\n').count()).contains(&line));
                }
                Err(other) => prop_assert!(false, "{other}"),
            }
        }
    }

    #[test]
    fn arbitrary_requests_are_refused_or_written_again_as_they_were(
        head in "(old |old)0?[0-9]{1,20}\n([A-Za-z0-9+/]{43}=\n){0,3}\n{1,2}",
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let request = format!("{head}{CHECKPOINT}");
        if let Ok(parsed) = AddCheckpoint::parse(request.as_bytes()) {
            prop_assert_eq!(parsed.to_string(), request);
        }
        prop_assert!(AddCheckpoint::parse(&bytes).is_err());
        prop_assert!(parse_cosignatures(&bytes).is_err());
    }
}
