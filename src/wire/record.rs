//! Records as they are released and as their provider sees them.

use super::{catalog::paired, proto};
use crate::domain::{
    id::Handle,
    outcome::RecordRelease,
    record::{RecordHead, RecordStatus},
};

paired!(status_number, status_of_number, RecordStatus, RecordStatus, {
    Active, Suspended, Revoked, Expired, Superseded,
});

/// The number of a status in the log and on the wire.
pub fn status_to_number(status: RecordStatus) -> i32 {
    status_number(status)
}

/// The status of a number.
pub fn status_from_number(number: i32) -> Option<RecordStatus> {
    status_of_number(number)
}

/// A record as a consumer gets it.
pub fn released_record_to_proto(release: &RecordRelease, presentation: String) -> proto::ReleasedRecord {
    proto::ReleasedRecord {
        lookup: release.lookup,
        handle: release.handle.0.to_vec(),
        version: release.version,
        status: status_number(release.status),
        publication_index: release.publication_index,
        presentation,
        replaces: release.replaces.map(|handle| handle.0.to_vec()).unwrap_or_default(),
    }
}

/// What the hub has of a record; without a head: nothing.
pub fn record_state_to_proto(handle: &Handle, head: Option<&RecordHead>) -> proto::RecordState {
    match head {
        None => proto::RecordState { handle: handle.0.to_vec(), ..Default::default() },
        Some(head) => proto::RecordState {
            handle: handle.0.to_vec(),
            version: head.version,
            source_digest: head.source_digest.0.to_vec(),
            status: status_number(head.status),
            publication_index: head.publication_index,
            resource_version: head.resource_version,
        },
    }
}
