//! A witness's key, as C2SP cosignatures want it, and the judgement of a checkpoint under a trust policy.

use super::{Error, LogVerifier, Signer as _, SigningKey, Verifier as _, VerifyingKey};
use crate::tlog::{
    Cosignature, Cosigner, CosignerKey, KeyId, KeyName, Note, NoteVerifier, PolicyWitness, TrustPolicy,
    cosigned_message,
};

/// Makes cosignatures: a key under the name of its witness. The same key must never be used under two names, as an Ed25519
/// cosignature does not cover the name.
pub struct CosignatureSigner {
    public: CosignerKey,
    key: SigningKey,
}

impl CosignatureSigner {
    /// The key of the witness of this name.
    #[must_use]
    pub fn new(name: KeyName, key: SigningKey) -> Self {
        Self { public: CosignerKey::new(name, *key.verifying_key().as_bytes()), key }
    }

    /// What verifies its cosignatures.
    #[must_use]
    pub fn verifier(&self) -> CosignatureVerifier {
        CosignatureVerifier { public: self.public.clone(), key: self.key.verifying_key().clone() }
    }
}

impl Cosigner for CosignatureSigner {
    fn key(&self) -> &CosignerKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        // A key in memory always signs; a cosignature without a signature nobody would accept.
        self.key.sign(message).unwrap_or_default()
    }
}

/// Verifies the cosignatures of one witness.
#[derive(Debug, Clone)]
pub struct CosignatureVerifier {
    public: CosignerKey,
    key: VerifyingKey,
}

impl CosignatureVerifier {
    /// The verifier of a vkey.
    ///
    /// # Errors
    /// [`Error::WeakKey`] for a point of small order.
    pub fn new(public: CosignerKey) -> Result<Self, Error> {
        let key = VerifyingKey::from_bytes(public.public_key())?;
        Ok(Self { public, key })
    }

    /// The public key.
    #[must_use]
    pub fn key(&self) -> &CosignerKey {
        &self.public
    }

    /// When the witness cosigned the note, in seconds since 1970: the latest of its cosignatures. `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Signature`] if one bears the witness's name and key ID and does not verify: that condemns the note.
    pub fn time_of(&self, note: &Note) -> Result<Option<u64>, Error> {
        let is_own = |name: &KeyName, id| name == self.public.name() && id == self.public.key_id();
        let own = note.signatures().iter().filter(|signature| is_own(signature.name(), signature.key_id()));
        own.map(|signature| self.time(note.text(), signature.signature())).try_fold(None, |latest, time| {
            let time = time.ok_or_else(|| Error::Signature { kid: self.public.to_string() })?;
            Ok(latest.max(Some(time)))
        })
    }

    fn time(&self, text: &str, signature: &[u8]) -> Option<u64> {
        let cosignature = Cosignature::decode(signature).ok()?;
        self.key.verify(&cosigned_message(cosignature.time, text), &cosignature.signature).ok()?;
        Some(cosignature.time)
    }
}

impl NoteVerifier for CosignatureVerifier {
    fn name(&self) -> &KeyName {
        self.public.name()
    }

    fn key_id(&self) -> KeyId {
        self.public.key_id()
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        str::from_utf8(text).is_ok_and(|text| self.time(text, signature).is_some())
    }
}

/// A trust policy with its keys ready to verify.
#[derive(Clone)]
pub struct PolicyVerifier {
    policy: TrustPolicy,
    logs: Vec<LogVerifier>,
    witnesses: Vec<CosignatureVerifier>,
}

impl PolicyVerifier {
    /// The verifier of a policy.
    ///
    /// # Errors
    /// [`Error::WeakKey`] if any key of the policy is a point of small order.
    pub fn new(policy: TrustPolicy) -> Result<Self, Error> {
        let logs = policy.logs().iter().map(|log| LogVerifier::new(log.key.clone())).collect::<Result<_, _>>()?;
        let keys = policy.witnesses().iter().map(|witness| CosignatureVerifier::new(witness.key.clone()));
        let witnesses = keys.collect::<Result<_, _>>()?;
        Ok(Self { policy, logs, witnesses })
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &TrustPolicy {
        &self.policy
    }

    /// The keys of the logs that are known, in the policy's order.
    #[must_use]
    pub fn logs(&self) -> &[LogVerifier] {
        &self.logs
    }

    /// Who of the policy's witnesses cosigned a note, and whether they are enough. The log's own signature is not looked at.
    #[must_use]
    pub fn judge(&self, note: &Note) -> Judgement {
        let witnessed = |verifier: &CosignatureVerifier| match verifier.time_of(note) {
            Ok(Some(time)) => Witnessed::At(time),
            Ok(None) => Witnessed::Missing,
            Err(_) => Witnessed::False,
        };
        let witnesses: Vec<(PolicyWitness, Witnessed)> =
            self.policy.witnesses().iter().cloned().zip(self.witnesses.iter().map(witnessed)).collect();
        let is_whole = witnesses.iter().all(|(_, witnessed)| *witnessed != Witnessed::False);
        let cosigned = |witness: &PolicyWitness| {
            witnesses.iter().any(|(other, witnessed)| other == witness && matches!(witnessed, Witnessed::At(_)))
        };
        let is_enough = self.policy.is_met(cosigned);
        Judgement { witnesses, is_enough, is_met: is_whole && is_enough }
    }
}

/// What a note has of one witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witnessed {
    /// Its cosignature, made at this time, in seconds since 1970.
    At(u64),
    /// No cosignature.
    Missing,
    /// A cosignature under its name and key ID that does not verify.
    False,
}

/// A note's cosignatures, judged under a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Each witness of the policy, and what the note has of it.
    pub witnesses: Vec<(PolicyWitness, Witnessed)>,
    /// Whether those who cosigned meet the quorum.
    pub is_enough: bool,
    /// Whether the quorum is met, and no cosignature is false: a false signature by a known key condemns the note.
    pub is_met: bool,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::{
        sign::{LogSigner, Secret},
        tlog::{Checkpoint, MAX_COSIGNATURE_TIME, NoteSignature, cosign, empty_root},
    };

    const COSIGNED: &str = include_str!("../../tests/vectors/tlog/cosigned-checkpoint.note");
    const VKEY: &str = include_str!("../../tests/vectors/tlog/witness.vkey");
    /// The golden cosignature's time.
    const TIME: u64 = 1_795_305_600;

    fn witness(seed: u8) -> CosignatureSigner {
        let key = SigningKey::from_seed(&Secret::from_bytes(&[seed; 32])).unwrap();
        CosignatureSigner::new(format!("witness.example.org/{seed}").parse().unwrap(), key)
    }

    /// The golden witness's key has the seed 32 × 0x08.
    fn golden() -> CosignatureSigner {
        let key = SigningKey::from_seed(&Secret::from_bytes(&[8; 32])).unwrap();
        CosignatureSigner::new("witness.example.org/1".parse().unwrap(), key)
    }

    fn log() -> LogSigner {
        let key = SigningKey::from_seed(&Secret::from_bytes(&[7; 32])).unwrap();
        LogSigner::new("hub.example/log".parse().unwrap(), key)
    }

    fn checkpoint() -> Note {
        let origin = "hub.example/log".parse().unwrap();
        Checkpoint { origin, size: 0, root: empty_root() }.sign(&log()).unwrap()
    }

    fn cosigned(by: &[u8]) -> Note {
        let mut note = checkpoint();
        by.iter().for_each(|seed| note.add(cosign(&note, TIME, &witness(*seed)).unwrap()).unwrap());
        note
    }

    /// Two of the court's three, and any one of the auditors.
    fn policy() -> PolicyVerifier {
        let witnesses: String = (1..=5).map(|seed| format!("witness w{seed} {}\n", witness(seed).key())).collect();
        let groups = "group court 2 w1 w2 w3\ngroup auditors any w4 w5\ngroup both all court auditors\nquorum both\n";
        let text = format!("log {}\n{witnesses}{groups}", log().vkey());
        PolicyVerifier::new(TrustPolicy::parse(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn golden_cosignature_verifies_and_is_made_again_to_the_byte() {
        let note = Note::parse(COSIGNED.as_bytes()).unwrap();
        assert_eq!(golden().key().to_string(), VKEY.trim_end());
        let verifier = CosignatureVerifier::new(VKEY.trim_end().parse().unwrap()).unwrap();
        assert_eq!(verifier.time_of(&note), Ok(Some(TIME)));
        assert_eq!(note.verify(&[&verifier]).unwrap().len(), 1);

        let [log, line] = note.signatures() else { panic!("{COSIGNED}") };
        let made = cosign(&note, TIME, &golden()).unwrap();
        assert_eq!(made, *line);
        assert_ne!(made.key_id(), log.key_id());
    }

    #[test]
    fn cosignature_of_another_text_time_or_key_does_not_verify() {
        let verifier = golden().verifier();
        let good = Note::parse(COSIGNED.as_bytes()).unwrap();
        let with = |text: &str| Note::parse(text.as_bytes()).unwrap();
        assert!(verifier.time_of(&with(&COSIGNED.replace("\n80017\n", "\n80018\n"))).is_err());

        let line = good.signatures().last().unwrap();
        for byte in 0..line.signature().len() {
            let mut changed = line.signature().to_vec();
            changed[byte] ^= 1;
            let mut note = good.clone();
            note.add(NoteSignature::new(line.name().clone(), line.key_id(), changed).unwrap()).unwrap();
            assert!(verifier.time_of(&note).is_err(), "byte {byte}");
            assert!(note.verify(&[&verifier]).is_err(), "byte {byte}");
        }
        // Plain Ed25519 over the text under the witness's name is another kind of key, and no cosignature.
        let plain = LogSigner::new("witness.example.org/1".parse().unwrap(), {
            SigningKey::from_seed(&Secret::from_bytes(&[8; 32])).unwrap()
        });
        let note = Note::sign(good.text(), &[&plain]).unwrap();
        assert_eq!(verifier.time_of(&note), Ok(None));
    }

    #[test]
    fn only_checkpoints_are_cosigned_and_only_at_possible_times() {
        let note = checkpoint();
        for time in [1, TIME, MAX_COSIGNATURE_TIME] {
            let mut cosigned = note.clone();
            cosigned.add(cosign(&note, time, &golden()).unwrap()).unwrap();
            assert_eq!(golden().verifier().time_of(&cosigned), Ok(Some(time)));
        }
        for time in [0, MAX_COSIGNATURE_TIME + 1, u64::MAX] {
            assert!(cosign(&note, time, &golden()).is_err(), "{time}");
        }
        let other = Note::sign("not a checkpoint\n", &[&log()]).unwrap();
        assert!(cosign(&other, TIME, &golden()).is_err());
    }

    #[test]
    fn quorum_is_met_by_enough_witnesses_of_each_group() {
        let policy = policy();
        let cases: &[(&[u8], bool)] = &[
            (&[], false),
            (&[1, 2], false),
            (&[4], false),
            (&[1, 4], false),
            (&[1, 2, 4], true),
            (&[3, 1, 5], true),
            (&[1, 2, 3, 4, 5], true),
            (&[4, 5], false),
            (&[9, 8, 7], false),
        ];
        for (by, is_met) in cases {
            let judgement = policy.judge(&cosigned(by));
            assert_eq!(judgement.is_met, *is_met, "{by:?}");
            for (index, (_, witnessed)) in judgement.witnesses.iter().enumerate() {
                let expected = by.contains(&(index as u8 + 1));
                assert_eq!(*witnessed, if expected { Witnessed::At(TIME) } else { Witnessed::Missing }, "{by:?}");
            }
        }
    }

    #[test]
    fn a_false_cosignature_condemns_the_note_whatever_the_others_say() {
        let mut note = cosigned(&[1, 2, 3, 4]);
        let forged = {
            let mut signature = note.signatures().last().unwrap().signature().to_vec();
            signature[70] ^= 1;
            NoteSignature::new(witness(5).key().name().clone(), witness(5).key().key_id(), signature).unwrap()
        };
        note.add(forged).unwrap();
        let judgement = policy().judge(&note);
        assert!(!judgement.is_met);
        assert_eq!(judgement.witnesses.last().unwrap().1, Witnessed::False);
    }

    #[test]
    fn the_latest_of_a_witness_counts_and_each_must_verify() {
        let note = checkpoint();
        let line = |time| cosign(&note, time, &witness(1)).unwrap();
        let text = format!("{note}{}\n{}\n", line(TIME), line(TIME - 9));
        let doubled = Note::parse(text.as_bytes()).unwrap();
        assert_eq!(witness(1).verifier().time_of(&doubled), Ok(Some(TIME)));
    }
}
