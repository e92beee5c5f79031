//! Roots, frontiers and batches: every size against RFC 6962's definition and against one another.

use proptest::prelude::*;

use super::{super::*, Rows, leaves};

/// The root as RFC 6962 §2.1 defines it, by recursion: slow and plainly right.
fn root_by_definition(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&root_by_definition(left), &root_by_definition(right))
        }
    }
}

#[test]
fn roots_are_those_of_the_rfcs_test_data() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/vectors/tlog/rfc6962.json")).unwrap();
    let texts = |key: &str| -> Vec<String> { serde_json::from_value(vectors[key].clone()).unwrap() };
    let leaves: Vec<Hash> = texts("leaves").iter().map(|data| leaf_hash(&hex::decode(data).unwrap())).collect();
    let mut frontier = Frontier::new();
    for (size, root) in texts("roots").iter().enumerate() {
        assert_eq!(&format!("{:?}", tree_root(&leaves[..size])), root);
        assert_eq!(&format!("{:?}", frontier.root()), root);
        leaves.get(size).into_iter().for_each(|leaf| frontier.append(*leaf).unwrap());
    }
}

#[test]
fn frontier_grown_leaf_by_leaf_has_the_defined_root_at_every_size() {
    let all = leaves(0..300);
    let mut frontier = Frontier::new();
    for (size, leaf) in all.iter().enumerate() {
        assert_eq!(frontier.root(), root_by_definition(&all[..size]));
        assert_eq!(tree_root(&all[..size]), frontier.root());
        frontier.append(*leaf).unwrap();
    }
    assert_eq!(frontier.root(), root_by_definition(&all));
}

#[test]
fn batch_at_any_frontier_gives_the_root_frontier_and_proofs_of_leaf_by_leaf_growth() {
    let all = leaves(0..70);
    for old in 0..all.len() {
        let mut frontier = Frontier::new();
        all[..old].iter().for_each(|leaf| frontier.append(*leaf).unwrap());
        let mut grown = frontier.clone();
        for new in old..=all.len() {
            let tree = BatchTree::new(&frontier, all[old..new].to_vec()).unwrap();
            assert_eq!((tree.first(), tree.size()), (old as u64, new as u64));
            assert_eq!(tree.root(), grown.root());
            assert_eq!(tree.frontier(), grown);
            for (index, leaf) in (0u64..).zip(&all[..new]).skip(old) {
                let proof = tree.prove_inclusion(index).unwrap();
                verify_inclusion(leaf, index, new as u64, &tree.root(), &proof).unwrap();
            }
            for outside in [old.wrapping_sub(1) as u64, new as u64, u64::MAX] {
                assert!(matches!(tree.prove_inclusion(outside), Err(Error::IndexOutOfRange { .. })));
            }
            all.get(new).into_iter().for_each(|leaf| grown.append(*leaf).unwrap());
        }
    }
}

#[test]
fn frontier_read_from_stored_hashes_is_the_one_that_grew() {
    let rows = Rows::of_log(66_000, 5_000);
    let mut frontier = Frontier::new();
    for (index, leaf) in leaves(0..66_000).into_iter().enumerate() {
        let is_telling = index < 600 || index.is_multiple_of(997) || index.abs_diff(65_536) < 300;
        if is_telling {
            assert_eq!(Frontier::read(&rows, index as u64), Ok(frontier.clone()));
        }
        frontier.append(leaf).unwrap();
    }
    assert!(matches!(Frontier::read(&rows, 66_001), Err(Error::ShortRead { level: 0, expected: 1, got: 0 })));
    assert_eq!(Frontier::read(&rows, u64::MAX), Err(Error::TreeTooLarge));
}

#[test]
fn stored_hashes_do_not_depend_on_how_the_log_was_divided_into_batches() {
    let whole = Rows::of_log(70_000, 70_000);
    assert_eq!(whole.0.iter().map(Vec::len).collect::<Vec<_>>(), [70_000, 273, 1]);
    for batch in [255, 256, 257, 40_000] {
        assert_eq!(Rows::of_log(70_000, batch).0, whole.0);
    }
    for (above, below) in whole.0[1].iter().zip(whole.0[0].chunks(256)) {
        assert_eq!(*above, tree_root(below));
    }
}

#[test]
fn frontier_encoding_is_golden() {
    let mut frontier = Frontier::new();
    assert_eq!(hex::encode(frontier.encode()), "010000000000000000");
    leaves(0..5).into_iter().for_each(|leaf| frontier.append(leaf).unwrap());
    assert_eq!(hex::encode(frontier.encode()), include_str!("../../../tests/vectors/tlog/frontier.hex").trim_end());
    assert_eq!(Frontier::decode(&frontier.encode()), Ok(frontier));
}

#[test]
fn frontier_encoding_of_another_length_or_version_is_refused() {
    let mut frontier = Frontier::new();
    leaves(0..7).into_iter().for_each(|leaf| frontier.append(leaf).unwrap());
    let bytes = frontier.encode();
    for len in 0..bytes.len() {
        assert!(matches!(Frontier::decode(&bytes[..len]), Err(Error::FrontierLength { got, .. }) if got == len));
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(Frontier::decode(&longer), Err(Error::FrontierLength { expected: 105, got: 106 }));
    let newer = [&[2], &bytes[1..]].concat();
    assert_eq!(Frontier::decode(&newer), Err(Error::FrontierVersion { version: 2 }));
    let huge = [&[1], &u64::MAX.to_be_bytes()[..], &[0; 64 * 32]].concat();
    assert_eq!(Frontier::decode(&huge), Err(Error::TreeTooLarge));
}

#[test]
fn fullest_tree_takes_no_further_leaf() {
    let full = [&[1], &MAX_TREE_SIZE.to_be_bytes()[..], &[7; 63 * 32]].concat();
    let mut full = Frontier::decode(&full).unwrap();
    let leaf = leaf_hash(b"one too many");
    assert_eq!(full.append(leaf), Err(Error::TreeTooLarge));
    assert!(matches!(BatchTree::new(&full, vec![leaf]), Err(Error::TreeTooLarge)));

    let almost = [&[1], &(MAX_TREE_SIZE - 1).to_be_bytes()[..], &[7; 62 * 32]].concat();
    let mut almost = Frontier::decode(&almost).unwrap();
    let tree = BatchTree::new(&almost, vec![leaf]).unwrap();
    let proof = tree.prove_inclusion(MAX_TREE_SIZE - 1).unwrap();
    assert_eq!(proof.len(), 62, "the last leaf has no sibling of its own");
    verify_inclusion(&leaf, MAX_TREE_SIZE - 1, MAX_TREE_SIZE, &tree.root(), &proof).unwrap();
    almost.append(leaf).unwrap();
    assert_eq!(almost, tree.frontier());
}

proptest! {
    #[test]
    fn batch_on_a_huge_tree_needs_only_its_frontier(size in 1u64..1 << 40, count in 1u64..40, pick in any::<u64>()) {
        // Any hashes do for the older subtrees: the new leaves' proofs only have to lead to the root above them.
        let roots = encode_hashes(&leaves(0..size.count_ones().into()));
        let old = Frontier::decode(&[&[1], &size.to_be_bytes()[..], &roots].concat()).unwrap();
        let batch = leaves(size..size + count);
        let tree = BatchTree::new(&old, batch.clone()).unwrap();
        let mut grown = old.clone();
        batch.iter().for_each(|leaf| grown.append(*leaf).unwrap());
        prop_assert_eq!(tree.frontier(), grown.clone());
        prop_assert_eq!(tree.root(), grown.root());
        let nth = pick % count;
        let proof = tree.prove_inclusion(size + nth).unwrap();
        let verified = verify_inclusion(&batch[nth as usize], size + nth, tree.size(), &tree.root(), &proof);
        prop_assert_eq!(verified, Ok(()));
    }
}
