//! What callers have seen of the log: the metadata [`CHECKPOINT`] of their calls.

use std::sync::Arc;

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use tonic::{Status, codegen::http::HeaderMap};
use tracing::warn;

use super::status;
use crate::hub::{Error, Hub, MAX_HEARD};

/// The metadata by which a caller shows the newest checkpoint that it has seen, a signed note.
pub(super) const CHECKPOINT: &str = "hutong-checkpoint-bin";

/// Binary metadata is base64, with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The longest value that is decoded: that of the longest note.
const MAX_VALUE: usize = MAX_HEARD.div_ceil(3) * 4;

/// Hears what a call shows, before the call is answered: nothing may be entered in a log that was rolled back.
///
/// # Errors
/// When it halted the hub.
pub(super) async fn hear(hub: &Arc<Hub>, headers: &mut HeaderMap) -> Result<(), Status> {
    let Some(value) = headers.remove(CHECKPOINT).filter(|value| value.len() <= MAX_VALUE) else { return Ok(()) };
    let Ok(note) = BASE64.decode(value.as_bytes()) else { return Ok(()) };
    let hub = Arc::clone(hub);
    let heard = tokio::task::spawn_blocking(move || hub.hear(&note)).await;
    match heard {
        Ok(Err(error @ Error::Contradicted)) => Err(status::of(error)),
        Ok(Err(error)) => {
            warn!(%error, "a checkpoint that a caller has seen could not be compared");
            Ok(())
        }
        Ok(Ok(())) | Err(_) => Ok(()),
    }
}
