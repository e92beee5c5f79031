//! Proofs against two independent implementations, false proofs, and the golden tlog-proof.

use std::ops::Range;

use ct_merkle::{ConsistencyProof, InclusionProof, RootHash, mem_backed_tree::MemoryBackedTree};
use proptest::prelude::*;
use sha2::Sha256;
use tlog_tiles::tlog as oracle;

use super::{
    super::*,
    Rows, leaves,
    notes::{CHECKPOINT, TestKey},
};

/// The golden proof: entry 5 of the RFC's test data in the tree of its first 7, with a witness's signature.
pub(super) const PROOF: &str = include_str!("../../../tests/vectors/tlog/entry-5-of-7.tlog-proof");

/// Sizes up to which every pair is tried: beyond one full tile.
const EVERY_SIZE: u64 = 300;

/// The oracle's hash of ours.
fn theirs(hash: &Hash) -> oracle::Hash {
    oracle::Hash(*hash.as_bytes())
}

/// The oracle's proof of ours.
fn their_proof(proof: &[Hash]) -> Vec<oracle::Hash> {
    proof.iter().map(theirs).collect()
}

/// A log of any size in which all leaves are alike but one, so that every node's hash is known.
struct LogWithOneOddLeaf {
    odd: u64,
    plain: Vec<Hash>,
    to_odd: Vec<Hash>,
}

impl LogWithOneOddLeaf {
    fn new(odd: u64) -> Self {
        let mut log = Self { odd, plain: vec![leaf_hash(b"plain")], to_odd: vec![leaf_hash(b"odd")] };
        for level in 0..62 {
            let (plain, to_odd) = (log.plain[level], log.to_odd[level]);
            let is_left = (odd >> level) & 1 == 0;
            log.plain.push(node_hash(&plain, &plain));
            log.to_odd.push(if is_left { node_hash(&to_odd, &plain) } else { node_hash(&plain, &to_odd) });
        }
        log
    }

    fn node(&self, level: usize, index: u64) -> Hash {
        if index == self.odd >> level { self.to_odd[level] } else { self.plain[level] }
    }
}

impl HashReader for LogWithOneOddLeaf {
    type Error = Error;

    fn read(&self, level: u8, range: Range<u64>) -> Result<Vec<Hash>, Error> {
        Ok(range.map(|index| self.node(usize::from(level) * 8, index)).collect())
    }
}

impl oracle::HashReader for LogWithOneOddLeaf {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<oracle::Hash>, tlog_tiles::Error> {
        let node = |index: &u64| {
            let (level, index) = oracle::split_stored_hash_index(*index);
            theirs(&self.node(level.into(), index))
        };
        Ok(indexes.iter().map(node).collect())
    }
}

#[test]
fn every_small_inclusion_is_proved_and_only_for_its_own_place() {
    let (rows, all) = (Rows::of_log(EVERY_SIZE, EVERY_SIZE), leaves(0..EVERY_SIZE));
    for size in 1..=EVERY_SIZE {
        let root = tree_root(&all[..size as usize]);
        for index in 0..size {
            let leaf = all[index as usize];
            let proof = prove_inclusion(&rows, index, size).unwrap();
            assert_eq!(verify_inclusion(&leaf, index, size, &root, &proof), Ok(()));
            assert!(oracle::check_record(&their_proof(&proof), size, theirs(&root), index, theirs(&leaf)).is_ok());
            let other = (index + 1) % size;
            assert!(size == 1 || verify_inclusion(&leaf, other, size, &root, &proof).is_err());
        }
    }
}

#[test]
fn every_small_consistency_is_proved() {
    let (rows, all) = (Rows::of_log(EVERY_SIZE, 7), leaves(0..EVERY_SIZE));
    let roots: Vec<Hash> = (0..=all.len()).map(|size| tree_root(&all[..size])).collect();
    for new in 0..=EVERY_SIZE {
        for old in 0..=new {
            let (old_root, new_root) = (roots[old as usize], roots[new as usize]);
            let proof = prove_consistency(&rows, old, new).unwrap();
            assert_eq!(verify_consistency(old, &old_root, new, &new_root, &proof), Ok(()), "{old} {new}");
            let checked = oracle::check_tree(&their_proof(&proof), new, theirs(&new_root), old, theirs(&old_root));
            assert!(old == 0 || checked.is_ok(), "{old} {new}");
        }
    }
}

#[test]
fn proofs_are_those_of_a_second_implementation() {
    let size = 130;
    let (rows, mut tree) = (Rows::of_log(size, size), MemoryBackedTree::<Sha256, [u8; 8]>::new());
    let mut roots: Vec<RootHash<Sha256>> = vec![tree.root()];
    for new in 1..=size {
        tree.push((new - 1).to_be_bytes());
        roots.push(tree.root());
        for old in 1..new {
            let (inclusion, consistency): (InclusionProof<Sha256>, ConsistencyProof<Sha256>) =
                (tree.prove_inclusion(old as usize), tree.prove_consistency((new - old) as usize));
            assert_eq!(encode_hashes(&prove_inclusion(&rows, old, new).unwrap()), inclusion.as_bytes());
            assert_eq!(encode_hashes(&prove_consistency(&rows, old, new).unwrap()), consistency.as_bytes());
        }
        assert_eq!(Frontier::read(&rows, new).unwrap().root().as_ref(), roots[new as usize].as_bytes().as_slice());
    }
}

#[test]
fn places_and_sizes_outside_any_tree_are_refused() {
    let (rows, hash) = (Rows::of_log(10, 10), leaf_hash(b""));
    for (index, size) in [(0, 0), (10, 10), (u64::MAX, 10)] {
        let error = Error::IndexOutOfRange { index, first: 0, size };
        assert_eq!(prove_inclusion(&rows, index, size), Err(error.clone()));
        assert_eq!(verify_inclusion(&hash, index, size, &hash, &[]), Err(error));
    }
    for size in [MAX_TREE_SIZE + 1, u64::MAX] {
        assert_eq!(prove_inclusion(&rows, 0, size), Err(Error::TreeTooLarge));
        assert_eq!(verify_inclusion(&hash, 0, size, &hash, &[hash; 64]), Err(Error::TreeTooLarge));
        assert_eq!(prove_consistency(&rows, 1, size), Err(Error::TreeTooLarge));
        assert_eq!(verify_consistency(1, &hash, size, &hash, &[hash; 64]), Err(Error::TreeTooLarge));
    }
    let reversed = Error::SizesReversed { old: 6, new: 5 };
    assert_eq!(prove_consistency(&rows, 6, 5), Err(reversed.clone()));
    assert_eq!(verify_consistency(6, &hash, 5, &hash, &[]), Err(reversed));
    assert_eq!(prove_inclusion(&rows, 3, 12), Err(Error::ShortRead { level: 0, expected: 4, got: 2 }));
}

#[test]
fn every_tree_extends_the_empty_one_and_itself_without_hashes() {
    let (hash, other) = (leaf_hash(b"some"), leaf_hash(b"other"));
    let empty = empty_root();
    assert_eq!(verify_consistency(0, &empty, 9, &hash, &[]), Ok(()));
    assert_eq!(verify_consistency(0, &empty, 0, &empty, &[]), Ok(()));
    assert_eq!(verify_consistency(9, &hash, 9, &hash, &[]), Ok(()));
    assert_eq!(verify_consistency(0, &hash, 9, &hash, &[]), Err(Error::Inconsistent { old: 0, new: 9 }));
    assert_eq!(verify_consistency(0, &empty, 0, &hash, &[]), Err(Error::Inconsistent { old: 0, new: 0 }));
    assert_eq!(verify_consistency(0, &hash, 0, &hash, &[]), Err(Error::Inconsistent { old: 0, new: 0 }));
    assert_eq!(verify_consistency(9, &hash, 9, &other, &[]), Err(Error::Inconsistent { old: 9, new: 9 }));
    let one_too_many = Err(Error::ProofLength { expected: 0, got: 1 });
    assert_eq!(verify_consistency(0, &empty, 9, &hash, &[hash]), one_too_many);
    assert_eq!(verify_consistency(9, &hash, 9, &hash, &[hash]), one_too_many);
}

#[test]
fn a_leaf_that_is_really_a_node_does_not_pass() {
    // Without the domain separation the concatenation of two leaf hashes would be a provable entry.
    let all = leaves(0..4);
    let forged = leaf_hash(&encode_hashes(&all[..2]));
    let upper = node_hash(&all[2], &all[3]);
    let root = tree_root(&all);
    assert_eq!(verify_inclusion(&forged, 0, 2, &root, &[upper]), Err(Error::NotIncluded { index: 0, size: 2 }));
}

#[test]
fn golden_proof_verifies_and_is_written_again_to_the_byte() {
    let proof = TlogProof::parse(PROOF.as_bytes()).unwrap();
    assert_eq!(proof.to_string(), PROOF);
    assert_eq!((proof.index, proof.hashes.len()), (5, 3));
    assert_eq!(proof.extra.as_deref(), Some("互通".as_bytes()));
    let leaf = leaf_hash(b"\x40\x41\x42\x43");
    let checkpoint = proof.verify(&leaf, &TestKey::log()).unwrap();
    assert_eq!((checkpoint.size, checkpoint.origin), (7, TestKey::log().name()));
    assert_eq!(proof.verify(&leaf_hash(b"other"), &TestKey::log()), Err(Error::NotIncluded { index: 5, size: 7 }));
    let elsewhere = TlogProof { index: 4, ..proof.clone() };
    assert_eq!(elsewhere.verify(&leaf, &TestKey::log()), Err(Error::NotIncluded { index: 4, size: 7 }));
    let outside = TlogProof { index: 7, ..proof };
    assert!(matches!(outside.verify(&leaf, &TestKey::log()), Err(Error::IndexOutOfRange { .. })));
}

#[test]
fn malformed_proof_texts_are_refused() {
    let hash = PROOF.lines().nth(3).unwrap();
    let bad = [
        String::new(),
        PROOF.replacen("@v1", "@v2", 1),
        PROOF.replacen('\n', "\r\n", 1),
        PROOF.replacen('\n', "\n\n", 1),
        PROOF.replacen("index 5\n", "", 1),
        PROOF.replacen("index 5", "index 05", 1),
        PROOF.replacen("index 5", "index +5", 1),
        PROOF.replacen("index 5", "index  5", 1),
        PROOF.replacen("index 5", "index 5 ", 1),
        PROOF.replacen("index 5", "index 18446744073709551616", 1),
        PROOF.replacen("extra ", "extra =", 1),
        PROOF.replacen("extra ", "extra  ", 1),
        PROOF.replacen("extra ", "Extra ", 1),
        PROOF.replacen("index 5\n", "index 5\nextra AAAA\n", 1),
        PROOF.replacen(hash, &hash[1..], 1),
        PROOF.replacen(hash, &format!("{hash} "), 1),
        PROOF.replacen(hash, &vec![hash; MAX_INCLUSION_HASHES - 1].join("\n"), 1),
        PROOF.replacen(hash, &format!("{hash}\n"), 1),
        format!("{}\n\ntext\n\n— log AAAAAAAA\n", PROOF.split_once("\n\n").unwrap().0),
        PROOF.split_once("\n\n").unwrap().0.to_owned(),
        format!("{PROOF}\n"),
        format!("\n{PROOF}"),
    ];
    for text in bad {
        assert!(TlogProof::parse(text.as_bytes()).is_err(), "{text:?}");
    }
    let bare = PROOF.replacen(&format!("{}\n", PROOF.lines().nth(1).unwrap()), "", 1);
    assert_eq!(TlogProof::parse(bare.as_bytes()).unwrap().extra, None);
    let alone = format!("c2sp.org/tlog-proof@v1\nindex 0\n\n{CHECKPOINT}");
    assert!(TlogProof::parse(alone.as_bytes()).unwrap().hashes.is_empty());
    assert!(matches!(TlogProof::parse(&vec![b'a'; MAX_PROOF_LEN + 1]), Err(Error::Proof { .. })));
}

proptest! {
    #[test]
    fn huge_inclusions_are_proved_as_by_the_oracle(size in 1u64..1 << 40, pick in any::<u64>(), flip in any::<usize>()) {
        let index = pick % size;
        let log = LogWithOneOddLeaf::new(index);
        let (leaf, root) = (log.node(0, index), Frontier::read(&log, size)?.root());
        let mut proof = prove_inclusion(&log, index, size)?;
        prop_assert_eq!(their_proof(&proof), oracle::prove_record(size, index, &log).unwrap());
        prop_assert_eq!(theirs(&root), oracle::tree_hash(size, &log).unwrap());
        prop_assert_eq!(verify_inclusion(&leaf, index, size, &root, &proof), Ok(()));

        let place = proof.len();
        for len in (0..place).chain([place + 1, 64]) {
            let mut other = proof.clone();
            other.resize(len, leaf);
            prop_assert_eq!(
                verify_inclusion(&leaf, index, size, &root, &other),
                Err(Error::ProofLength { expected: place, got: len })
            );
        }
        if let Some(hash) = proof.get_mut(flip % place.max(1)) {
            *hash = leaf_hash(hash.as_ref());
            let refused = verify_inclusion(&leaf, index, size, &root, &proof);
            prop_assert_eq!(refused, Err(Error::NotIncluded { index, size }));
        }
    }

    #[test]
    fn huge_consistencies_are_proved_as_by_the_oracle(
        new in 2u64..1 << 40, pick in any::<u64>(), odd in any::<u64>(), flip in any::<usize>(),
    ) {
        let old = 1 + pick % (new - 1);
        let log = LogWithOneOddLeaf::new(odd % new);
        let root = |size| Frontier::read(&log, size).map(|frontier| frontier.root());
        let (old_root, new_root) = (root(old)?, root(new)?);
        let mut proof = prove_consistency(&log, old, new)?;
        prop_assert_eq!(their_proof(&proof), oracle::prove_tree(new, old, &log).unwrap());
        prop_assert_eq!(verify_consistency(old, &old_root, new, &new_root, &proof), Ok(()));

        let inconsistent = Err(Error::Inconsistent { old, new });
        let forked = leaf_hash(new_root.as_ref());
        prop_assert_eq!(verify_consistency(old, &forked, new, &new_root, &proof), inconsistent.clone());
        prop_assert_eq!(verify_consistency(old, &old_root, new, &forked, &proof), inconsistent.clone());
        let place = proof.len();
        for len in (0..place).chain([place + 1, 65]) {
            let mut other = proof.clone();
            other.resize(len, forked);
            let expected = Err(Error::ProofLength { expected: place, got: len });
            prop_assert_eq!(verify_consistency(old, &old_root, new, &new_root, &other), expected);
        }
        let hash = &mut proof[flip % place];
        *hash = leaf_hash(hash.as_ref());
        prop_assert_eq!(verify_consistency(old, &old_root, new, &new_root, &proof), inconsistent);
    }

    #[test]
    fn arbitrary_proofs_of_arbitrary_sizes_are_refused(
        a in any::<u64>(), b in any::<u64>(), shift in 0u32..64, len in 0usize..70,
    ) {
        let (a, b, hash) = (a >> shift, b >> shift, leaf_hash(b"hostile"));
        let root = leaf_hash(b"honest");
        prop_assert!(verify_inclusion(&hash, a, b, &root, &vec![hash; len]).is_err());
        prop_assert!(verify_consistency(a, &hash, b, &root, &vec![hash; len]).is_err());
    }
}
