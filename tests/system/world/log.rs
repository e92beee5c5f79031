//! A copy of the log, by which receipts are checked.

use std::collections::{BTreeMap, HashSet};

use hutong::{
    client::{Client, verify::VerifiedReceipt},
    tlog::{Hash, leaf_hash, tree_root, verify_consistency},
    wire::proto::{GetConsistencyProofRequest, ReadEntriesRequest, audit_service_client::AuditServiceClient},
};

/// The whole log at one checkpoint.
pub(crate) struct Log {
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) root: Hash,
    service: AuditServiceClient<tonic::transport::Channel>,
}

impl Log {
    /// Reads the log up to its newest checkpoint, and verifies that its entries are what the hub signed.
    pub(crate) async fn read(auditor: &Client) -> Self {
        let (checkpoint, _) = auditor.checkpoint().await.unwrap();
        let mut service = AuditServiceClient::new(auditor.channel());
        let range = ReadEntriesRequest { start: 0, end: checkpoint.size };
        let mut stream = service.read_entries(range).await.unwrap().into_inner();
        let mut entries = Vec::new();
        while let Some(message) = stream.message().await.unwrap() {
            assert_eq!(message.start, entries.len() as u64);
            entries.extend(message.entries);
        }
        assert_eq!(entries.len() as u64, checkpoint.size);
        let hashes: Vec<_> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        assert_eq!(tree_root(&hashes), checkpoint.root, "the entries are not what the checkpoint signs");
        Self { entries, root: checkpoint.root, service }
    }

    pub(crate) fn size(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Requires that each receipt is of the very entry that the log has at its index.
    #[track_caller]
    pub(crate) fn require_entries<'r>(&self, receipts: impl IntoIterator<Item = &'r VerifiedReceipt>) {
        for receipt in receipts {
            let entry = self.entries.get(usize::try_from(receipt.index).unwrap());
            assert_eq!(entry, Some(&receipt.entry_bytes), "entry {} is lost or another", receipt.index);
        }
    }

    /// Requires that the tree of each receipt's checkpoint is a prefix of this one, and that requests were entered once.
    pub(crate) async fn require_consistent<'r>(&mut self, receipts: impl IntoIterator<Item = &'r VerifiedReceipt>) {
        let mut requests = HashSet::new();
        let mut earlier = BTreeMap::new();
        for receipt in receipts {
            let header = receipt.statement.as_ref().unwrap().header().unwrap();
            assert!(requests.insert((header.actor.clone(), header.request_id)), "one request, two receipts");
            let root = earlier.insert(receipt.checkpoint.size, receipt.checkpoint.root);
            assert!(root.is_none_or(|root| root == receipt.checkpoint.root), "two roots for one size: a fork");
        }
        for (size, root) in earlier {
            let sizes = GetConsistencyProofRequest { first_size: size, second_size: self.size() };
            let proof = self.service.get_consistency_proof(sizes).await.unwrap().into_inner();
            let proof: Vec<_> =
                proof.hashes.iter().map(|hash| Hash::from(<[u8; 32]>::try_from(&hash[..]).unwrap())).collect();
            verify_consistency(size, &root, self.size(), &self.root, &proof).unwrap();
        }
    }
}
