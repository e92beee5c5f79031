//! Notes, keys and checkpoints against the golden vector and the crate `signed_note`.

use proptest::prelude::*;
use signed_note::{Signer as _, StandardSigner, StandardVerifier, Verifier as _, VerifierList};

use super::super::*;

/// A checkpoint of size 80,017 signed by the key with the seed 32 × 0x07.
pub(super) const CHECKPOINT: &str = include_str!("../../../tests/vectors/tlog/checkpoint.note");

/// The key that signed it.
const LOG_VKEY: &str = include_str!("../../../tests/vectors/tlog/log.vkey");

/// A named Ed25519 key of the oracle, behind our traits.
pub(super) struct TestKey {
    vkey: VerifierKey,
    signer: StandardSigner,
    verifier: StandardVerifier,
}

impl TestKey {
    /// The key with this public half and 32 times this byte as its seed.
    fn new(vkey: &str, seed: &str) -> Self {
        let vkey: VerifierKey = vkey.parse().unwrap();
        let text = format!("PRIVATE+KEY+{}+{}+{seed}", vkey.name(), vkey.key_id());
        let verifier = StandardVerifier::new(&vkey.to_string()).unwrap();
        Self { vkey, signer: StandardSigner::new(&text).unwrap(), verifier }
    }

    pub(super) fn log() -> Self {
        Self::new(LOG_VKEY.trim_end(), "AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH")
    }

    fn witness() -> Self {
        let vkey = "witness.example.org/1+c12a6057+AROY9ixtGkV8UbpqS189vS9p/KkyFiGNyJl+QWvRfZPK";
        Self::new(vkey, "AQgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI")
    }

    pub(super) fn name(&self) -> KeyName {
        self.vkey.name().clone()
    }
}

impl NoteSigner for TestKey {
    fn name(&self) -> &KeyName {
        self.vkey.name()
    }

    fn key_id(&self) -> KeyId {
        self.vkey.key_id()
    }

    fn sign(&self, text: &[u8]) -> Vec<u8> {
        self.signer.sign(text).unwrap()
    }
}

impl NoteVerifier for TestKey {
    fn name(&self) -> &KeyName {
        self.vkey.name()
    }

    fn key_id(&self) -> KeyId {
        self.vkey.key_id()
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        self.verifier.verify(text, signature)
    }
}

#[test]
fn golden_checkpoint_is_opened_and_signed_again_to_the_byte() {
    let log = TestKey::log();
    let note = Note::parse(CHECKPOINT.as_bytes()).unwrap();
    let checkpoint = Checkpoint::open(&note, &log).unwrap();
    assert_eq!(checkpoint.origin.as_str(), "hub.example.gov/exchange-log/2026");
    assert_eq!(checkpoint.size, 80_017);
    assert_eq!(checkpoint.root.to_string(), "p6WUjVnsRzFJcGlIRtfZFC8rp6AcFm6vdWJMBzHaxNw=");
    assert_eq!(checkpoint.sign(&log).unwrap().to_string(), CHECKPOINT);
    assert_eq!(log.vkey.to_string(), LOG_VKEY.trim_end());
    assert_eq!(log.vkey.key_id().to_string(), "ae04040a");
}

#[test]
fn checkpoint_of_another_origin_is_refused_for_signing_and_opening() {
    let (log, witness) = (TestKey::log(), TestKey::witness());
    let note = Note::parse(CHECKPOINT.as_bytes()).unwrap();
    let checkpoint = Checkpoint::open(&note, &log).unwrap();
    let foreign = Error::ForeignCheckpoint { origin: log.name().to_string(), key: witness.name().to_string() };
    assert_eq!(checkpoint.sign(&witness), Err(foreign.clone()));

    let signed_by_the_wrong_key = Note::sign(note.text(), &[&witness]).unwrap();
    assert_eq!(Checkpoint::open(&signed_by_the_wrong_key, &witness), Err(foreign));
    assert_eq!(Checkpoint::open(&signed_by_the_wrong_key, &log), Err(Error::Unsigned));
}

#[test]
fn unknown_signatures_are_passed_over_and_a_false_one_of_a_known_key_condemns_the_note() {
    let (log, witness) = (TestKey::log(), TestKey::witness());
    let text = "hub.example.gov/exchange-log/2026\n1\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n";
    let note = Note::sign(text, &[&witness, &log]).unwrap();
    assert_eq!(note.verify(&[&log]).unwrap().len(), 1);
    assert_eq!(note.verify(&[&log, &witness]).unwrap().len(), 2);

    let swapped = note.to_string().replace("\n1\n", "\n2\n");
    let swapped = Note::parse(swapped.as_bytes()).unwrap();
    let false_one = |key: &TestKey| Error::BadSignature { name: key.name().to_string(), key_id: key.vkey.key_id() };
    assert_eq!(swapped.verify(&[&log]), Err(false_one(&log)));
    assert_eq!(swapped.verify(&[&witness]), Err(false_one(&witness)));

    let mut one_false = Note::sign(text, &[&log]).unwrap();
    one_false.add(swapped.signatures()[0].clone()).unwrap();
    assert!(one_false.verify(&[&log, &witness]).is_ok());
    one_false.add(NoteSignature::parse(&format!("— {} wSpgVwAA", witness.name())).unwrap()).unwrap();
    assert_eq!(one_false.signatures().len(), 2, "a later signature of the same key takes the earlier one's place");
    assert_eq!(one_false.verify(&[&log, &witness]), Err(false_one(&witness)));
}

#[test]
fn a_known_key_is_counted_once() {
    let log = TestKey::log();
    let line = CHECKPOINT.lines().last().unwrap();
    let doubled = format!("{CHECKPOINT}{line}\n");
    let note = Note::parse(doubled.as_bytes()).unwrap();
    assert_eq!(note.signatures().len(), 2);
    assert_eq!(note.verify(&[&log]).unwrap().len(), 1);
}

#[test]
fn signatures_are_bounded_well_above_what_the_standard_demands() {
    let note = |count: usize| {
        let lines: String = (0..count).map(|n| format!("— witness.example.org/{n} AAAAAAAA\n")).collect();
        Note::parse(format!("text\n\n{lines}").as_bytes())
    };
    assert_eq!(note(16).unwrap().signatures().len(), 16);
    let mut full = note(MAX_SIGNATURES).unwrap();
    assert_eq!(note(MAX_SIGNATURES + 1), Err(Error::NoteTooManySignatures));
    let one_more = NoteSignature::parse("— another AAAAAAAA").unwrap();
    assert_eq!(full.add(one_more), Err(Error::NoteTooManySignatures));
    assert_eq!(full, note(MAX_SIGNATURES).unwrap());
    let long = vec![b'a'; MAX_NOTE_LEN + 1];
    assert_eq!(Note::parse(&long), Err(Error::NoteTooLong { len: MAX_NOTE_LEN + 1 }));
}

#[test]
fn malformed_notes_are_refused_as_the_oracle_refuses_them() {
    let cases: &[&[u8]] = &[
        b"",
        b"\n",
        b"text\n",
        b"text\n\n",
        b"text\n\n\n",
        b"\n\n",
        "text\n— name AAAAAAAA\n".as_bytes(),
        "text\n\n— name AAAAAAAA".as_bytes(),
        "text\n\n— name AAAAAAAA\n\n".as_bytes(),
        "text\n\n- name AAAAAAAA\n".as_bytes(),
        "text\n\n—name AAAAAAAA\n".as_bytes(),
        "text\n\n— name\n".as_bytes(),
        "text\n\n—  AAAAAAAA\n".as_bytes(),
        "text\n\n— na+me AAAAAAAA\n".as_bytes(),
        "text\n\n— na\u{2003}me AAAAAAAA\n".as_bytes(),
        "text\n\n— name  AAAAAAAA\n".as_bytes(),
        "text\n\n— name AAAA\n".as_bytes(),
        "text\n\n— name AAAAAA==\n".as_bytes(), // a key ID and no signature
        "text\n\n— name AAAAAAB=\n".as_bytes(), // unused bits set
        "text\n\n— name AAAAAAA\n".as_bytes(),
        "text\n\n— name AAAA_-AA\n".as_bytes(),
        "te\txt\n\n— name AAAAAAAA\n".as_bytes(),
        "te\0xt\n\n— name AAAAAAAA\n".as_bytes(),
        "text\r\n\n— name AAAAAAAA\n".as_bytes(),
        "text\n\n— name AAAAAAAA\r\n".as_bytes(),
        b"te\xffxt\n\n\xe2\x80\x94 name AAAAAAAA\n",
        b"text\n\n\xe2\x80 name AAAAAAAA\n",
    ];
    for case in cases {
        let readable = String::from_utf8_lossy(case);
        assert!(Note::parse(case).is_err(), "{readable:?}");
        assert!(signed_note::Note::from_bytes(case).is_err(), "{readable:?}");
    }
    for good in ["\n\n— name AAAAAAAA\n", "a\n\nb\n\n\n— n AAAAAAAA\n", "\u{7f}\u{85}互通\n\n— 互通 AAAAAAAA\n"]
    {
        let note = Note::parse(good.as_bytes()).unwrap();
        assert_eq!(note.to_string(), good);
        assert_eq!(note.text().as_bytes(), signed_note::Note::from_bytes(good.as_bytes()).unwrap().text());
    }
}

#[test]
fn texts_that_no_note_can_have_are_not_signed() {
    let log = TestKey::log();
    for text in ["", "no newline", "tab\t\n", "\r\n"] {
        assert!(matches!(Note::sign(text, &[&log]), Err(Error::Note { .. })), "{text:?}");
    }
    assert!(matches!(Note::sign("text\n", &[]), Err(Error::Note { .. })));
    assert!(matches!(NoteSignature::new(log.name(), log.vkey.key_id(), Vec::new()), Err(Error::Note { .. })));
}

#[test]
fn key_names_are_non_empty_and_free_of_spaces_and_pluses() {
    for good in ["a", "hub.example.gov/exchange-log/2026", "互通", &"n".repeat(MAX_KEY_NAME_LEN)] {
        assert_eq!(good.parse::<KeyName>().unwrap().as_str(), good);
    }
    let long = "n".repeat(MAX_KEY_NAME_LEN + 1);
    for bad in ["", " ", "a b", "a+b", "a\nb", "a\tb", "a\u{a0}b", "a\u{2028}b", "a\u{3000}b", "a\0b", &long] {
        assert!(matches!(bad.parse::<KeyName>(), Err(Error::KeyName { .. })), "{bad:?}");
    }
}

#[test]
fn malformed_verifier_keys_are_refused() {
    let good = LOG_VKEY.trim_end();
    assert!(good.parse::<VerifierKey>().is_ok());
    let bad = [
        String::new(),
        good.replace('+', "-"),
        good.replace("ae04040a", "ae04040b"),
        good.replace("ae04040a", "AE04040A"),
        good.replace("ae04040a", "+e04040a"),
        good.replace("hub", "hob"),
        good.replace("hub", ""),
        good.replace("+Aep", "+Bep"),
        format!("{good}\n"),
        format!("{good}AAAA"),
        good.trim_end_matches("RtIs").to_owned(),
        "name+00000000+".to_owned(),
    ];
    for text in bad {
        assert!(text.parse::<VerifierKey>().is_err(), "{text:?}");
    }
}

#[test]
fn checkpoint_text_is_read_strictly_and_extensions_are_tolerated() {
    let golden = Note::parse(CHECKPOINT.as_bytes()).unwrap();
    let (text, root) = (golden.text(), "p6WUjVnsRzFJcGlIRtfZFC8rp6AcFm6vdWJMBzHaxNw=");
    let parsed: Checkpoint = text.parse().unwrap();
    assert_eq!(parsed.to_string(), text);
    assert_eq!(format!("{text}extension\nand + another\n").parse(), Ok(parsed));
    assert!(format!("log\n0\n{root}\n").parse::<Checkpoint>().is_ok());
    assert!(format!("log\n{MAX_TREE_SIZE}\n{root}\n").parse::<Checkpoint>().is_ok());
    let bad = [
        String::new(),
        "\n".to_owned(),
        "log\n".to_owned(),
        "log\n1\n".to_owned(),
        format!("log\n1\n{root}"),
        format!("\n1\n{root}\n"),
        format!("l og\n1\n{root}\n"),
        format!("log\n\n{root}\n"),
        format!("log\n01\n{root}\n"),
        format!("log\n+1\n{root}\n"),
        format!("log\n-1\n{root}\n"),
        format!("log\n1 \n{root}\n"),
        format!("log\n0x1\n{root}\n"),
        format!("log\n9223372036854775808\n{root}\n"),
        format!("log\n99999999999999999999\n{root}\n"),
        format!("log\n1\n{}\n", &root[1..]),
        format!("log\n1\n{root}=\n"),
        format!("log\n1\n{root}\n\n"),
        format!("log\n1\n{root}\nextension\n\nextension\n"),
    ];
    for text in bad {
        assert!(text.parse::<Checkpoint>().is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn notes_signed_here_verify_with_the_oracle_and_the_other_way_round(lines in "([^\\x00-\\x1f]{0,20}\n){1,4}") {
        let log = TestKey::log();
        let ours = Note::sign(&lines, &[&log]).unwrap();
        let bytes = ours.to_string().into_bytes();
        prop_assert_eq!(Note::parse(&bytes), Ok(ours.clone()));

        let known = VerifierList::new(vec![Box::new(StandardVerifier::new(&log.vkey.to_string()).unwrap())]);
        prop_assert!(signed_note::Note::from_bytes(&bytes).unwrap().verify(&known).is_ok());

        let mut theirs = signed_note::Note::new(lines.as_bytes(), &[]).unwrap();
        theirs.add_sigs(&[&log.signer]).unwrap();
        prop_assert_eq!(theirs.to_bytes(), bytes);
        prop_assert!(ours.verify(&[&log]).is_ok());
    }

    #[test]
    fn arbitrary_text_is_a_note_here_if_it_is_one_to_the_oracle(
        text in "[a\n\t ]{0,4}\n{0,2}(— [nm+ ]{1,2} (AAAAAAAA|AAA|AAAAAAB=)\n{0,2}){0,3}",
    ) {
        let ours = Note::parse(text.as_bytes());
        let theirs = signed_note::Note::from_bytes(text.as_bytes());
        prop_assert_eq!(ours.is_ok(), theirs.is_ok());
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            prop_assert_eq!(ours.to_string().into_bytes(), theirs.to_bytes());
            prop_assert_eq!(ours.to_string(), text);
        }
    }
}
