//! From the key of an earlier log to that of the hub's present one.
//!
//! A log's last entry names the key of the log that continues it, and the log's own key has signed it. So whoever trusts that key
//! needs nobody's word for the next. What the hub hands out are the receipts of such entries, log by log.

use std::time::Duration;

use tonic::{Request, transport::Channel};

use super::{Error, Profile, verify};
use crate::{
    domain::{
        id::DomainName,
        outcome::{Notice, Outcome},
        statement::ClosingReceipt,
    },
    sign::LogVerifier,
    tlog::VerifierKey,
    wire::{
        self,
        proto::{GetLogSuccessionRequest, audit_service_client::AuditServiceClient},
    },
};

/// How long the hub may take to say how its logs follow each other: it reads one entry.
const DEADLINE: Duration = Duration::from_secs(10);

/// Asks the hub how its logs follow each other, and gives the key of its present log where the profile's is an earlier one's. A hub
/// that does not say leaves the profile's key as it is, and what it answers is verified under that.
///
/// # Errors
/// [`Error::Unproven`] when it names a key that the logs before do not bear out.
pub(super) async fn learn(channel: Channel, profile: &Profile) -> Result<LogVerifier, Error> {
    let mut request = Request::new(GetLogSuccessionRequest {});
    request.set_timeout(DEADLINE);
    let asked = async { AuditServiceClient::new(channel).get_log_succession(request).await };
    let closings = match tokio::time::timeout(DEADLINE, asked).await {
        Ok(Ok(answer)) => answer.into_inner().closings,
        _ => Vec::new(),
    };
    let closings: Vec<_> = closings.iter().map(wire::closing_receipt_from_proto).collect();
    follow(&profile.log_key, &profile.hub_domain, &closings)
}

/// Follows the receipts from the log whose key is trusted. Those of logs before it say nothing to us; after it each must be signed
/// with the key that the one before names.
fn follow(trusted: &LogVerifier, hub: &DomainName, closings: &[ClosingReceipt]) -> Result<LogVerifier, Error> {
    let mut key = trusted.clone();
    let mut has_begun = false;
    for closing in closings {
        match next(&key, hub, closing) {
            Ok(named) => (key, has_begun) = (named, true),
            Err(error) if has_begun => return Err(error),
            Err(_) => {}
        }
    }
    Ok(key)
}

/// The key that a log's last entry names.
fn next(key: &LogVerifier, hub: &DomainName, closing: &ClosingReceipt) -> Result<LogVerifier, Error> {
    let what = "the key of the hub's log";
    let unproven = |check, why: String| Error::Unproven { what, check, why };
    let receipt = verify::receipt(&closing.entry, closing.proof.as_bytes(), key).into_result(what)?;
    let (place, size) = (receipt.index + 1, receipt.checkpoint.size);
    if place != size {
        return Err(unproven("last entry", format!("entry {} of {size} is not the last", receipt.index)));
    }
    let Outcome::Noted(Notice::Closed { next_vkey }) = receipt.outcome() else {
        return Err(unproven("last entry", verify::outcome_in_words(receipt.outcome())));
    };
    let malformed = |why: String| unproven("next key", format!("{next_vkey}: {why}"));
    let vkey: VerifierKey = next_vkey.parse().map_err(|error: crate::tlog::Error| malformed(error.to_string()))?;
    if !vkey.name().to_string().starts_with(&format!("{hub}/")) {
        return Err(malformed(format!("it is of no log of {hub}")));
    }
    LogVerifier::new(vkey).map_err(|error| malformed(error.to_string()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::{
        client::fixture::{self, Log},
        wire::Entry,
    };

    /// The receipt of the entry that closes a log in favour of another.
    fn closing(of: &Log, next: &LogVerifier) -> ClosingReceipt {
        closing_naming(of, &next.vkey().to_string())
    }

    fn closing_naming(of: &Log, next_vkey: &str) -> ClosingReceipt {
        let outcome = Outcome::Noted(Notice::Closed { next_vkey: next_vkey.to_owned() });
        let entry = Entry { time: fixture::now(), envelope: None, outcome, carried: None };
        let (entry, proof) = of.seal(&entry);
        ClosingReceipt { entry, proof }
    }

    /// What comes of it: the vkey trusted in the end, or the check that failed.
    fn followed(trusted: &Log, closings: &[ClosingReceipt]) -> Result<String, &'static str> {
        match follow(&trusted.verifier(), &fixture::hub(), closings) {
            Ok(key) => Ok(key.vkey().to_string()),
            Err(Error::Unproven { check, .. }) => Err(check),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn each_key_is_believed_on_the_word_of_the_one_before() {
        let [first, second, third] = [1, 2, 3].map(Log::of_seed);
        let keys = [&first, &second, &third].map(Log::verifier);
        let vkeys = keys.each_ref().map(|key| key.vkey().to_string());
        let chain = [closing(&first, &keys[1]), closing(&second, &keys[2])];
        for trusted in [&first, &second, &third] {
            assert_eq!(followed(trusted, &chain), Ok(vkeys[2].clone()));
        }
        assert_eq!(followed(&first, &[]), Ok(vkeys[0].clone()));
        // Nobody vouches for the third: the second's word is missing, or the first's.
        assert_eq!(followed(&first, &chain[1..]), Ok(vkeys[0].clone()));
        assert_eq!(followed(&first, &chain[..1]), Ok(vkeys[1].clone()));
        let stranger = Log::of_seed(4);
        assert_eq!(followed(&stranger, &chain), Ok(stranger.verifier().vkey().to_string()));
        let forged = [closing(&first, &keys[1]), closing(&stranger, &keys[2])];
        assert_eq!(followed(&first, &forged), Err("checkpoint signature"));
    }

    #[test]
    fn what_does_not_close_a_log_names_no_key() {
        let [first, second] = [1, 2].map(Log::of_seed);
        let next = second.verifier();
        let honest = closing(&first, &next);
        let after = |closing: ClosingReceipt| followed(&first, &[honest.clone(), closing]);
        let other = second.seal(&fixture::refused_entry());
        assert_eq!(after(ClosingReceipt { entry: other.0, proof: other.1 }), Err("last entry"));
        assert_eq!(after(closing_naming(&second, "no key")), Err("next key"));
        let foreign = next.vkey().to_string().replace("hub.example/", "other.example/");
        assert!(after(closing_naming(&second, &foreign)).is_err());
        let mut altered = closing(&second, &next);
        *altered.entry.last_mut().unwrap() ^= 1;
        assert_eq!(after(altered), Err("inclusion"));
        // An entry that others follow did not close the log.
        let outcome = Outcome::Noted(Notice::Closed { next_vkey: next.vkey().to_string() });
        let entry = Entry { time: fixture::now(), envelope: None, outcome, carried: None };
        let (entry, proof) = second.seal_all(&[entry, fixture::refused_entry()]).swap_remove(0);
        assert_eq!(after(ClosingReceipt { entry, proof }), Err("last entry"));
    }
}
