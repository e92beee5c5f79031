//! Erasing openings: by order, by age; and telling the log of it, a day later, in one number.
//!
//! An order is a statement, so whoever has evidence erased is on record. What an order erased is told only together with all
//! else that was erased on the same days, and never on the same day: so the log does not say which erasures belong together.
//! Until then the account, a few numbers kept beside the openings, remembers how many there were.

use std::sync::{Arc, atomic::Ordering};

use crate::{
    domain::{
        decide::{Standing, admit},
        id::{Digest, SystemId},
        outcome::{Erased, Notice, Outcome},
        statement::{Erasure, Statement},
        time::{Moment, Time},
    },
    sign::{
        commitment::{Opening, Scheme},
        dsse, sha256,
    },
    store::{self, Openings, Slot},
    wire,
};

use super::{
    Error, Hub,
    admission::{Earlier, Expected, Verified},
    attempt::Attempt,
    openings::{Listener, Names, OfEntry, Progress, is_holders},
    projection::{decode, statement_of},
    receipt::Receipt,
    scan,
};

/// How many openings are erased at a time: their list takes 48 KiB, and each time costs three syncs.
const ERASED_AT_ONCE: usize = 4_096;

/// What the digest of erased openings begins with: a commitment to this text.
const DIGEST_TEXT: &str = "erased openings";

/// What became of an order to erase openings.
#[derive(Debug)]
pub struct ErasureAnswer {
    /// The evidence of the order; its outcome may be a refusal.
    pub receipt: Receipt,
    /// How many openings were erased.
    pub erased: u64,
}

/// Which openings to erase.
enum Selection {
    /// Those of queries and traces among the entries before this one.
    Before(u64),
    /// Those that name a holder.
    Holder(Box<Names>),
}

/// What was erased and not told yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    salt: [u8; 32],
    count: u64,
    digest: [u8; 32],
    since: Time,
    until: Time,
    /// The size of the log when it began to be told: behind it the entry is, or is not, which tells.
    told_after: Option<u64>,
}

/// Refuses to close a log that does not tell yet of all erasures.
pub(super) fn refuse_untold(openings: &dyn Openings) -> Result<(), Error> {
    match Account::decode(&openings.account())? {
        Some(account) if account.count > 0 => Err(Error::Inconsistent(
            "openings were erased of which the log does not tell yet: run the hub on the next civil day first"
                .to_owned(),
        )),
        _ => Ok(()),
    }
}

/// The version of the account's bytes.
const ACCOUNT_VERSION: u8 = 1;

impl Account {
    pub(super) fn new(salt: [u8; 32], now: Time) -> Result<Self, Error> {
        let digest = opening(&salt)?.commitment();
        Ok(Self { salt, count: 0, digest, since: now, until: now, told_after: None })
    }

    /// With more slots erased.
    pub(super) fn with(&self, slots: &[Slot], now: Time) -> Self {
        let mut account = Self { count: self.count + slots.len() as u64, until: self.until.max(now), ..self.clone() };
        for slot in slots {
            let position = slot.position.to_be_bytes();
            account.digest = sha256(&[&account.digest, slot.index.to_be_bytes().as_slice(), &position].concat());
        }
        account
    }

    pub(super) fn notice(&self) -> Notice {
        let Self { count, digest, since, until, .. } = *self;
        Notice::Erased(Erased { count, digest: Digest(digest), since, until })
    }

    /// Version, salt, count, digest, times in milliseconds, and the size plus one or zero; integers big-endian.
    pub(super) fn encode(&self) -> Vec<u8> {
        let told = self.told_after.map_or(0, |size| size + 1);
        let times = [self.since.as_millis().to_be_bytes(), self.until.as_millis().to_be_bytes()].concat();
        [&[ACCOUNT_VERSION], &self.salt[..], &self.count.to_be_bytes(), &self.digest, &times, &told.to_be_bytes()]
            .concat()
    }

    /// The account of kept bytes; `None` of no bytes.
    pub(super) fn decode(bytes: &[u8]) -> Result<Option<Self>, Error> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let read = || {
            let (version, rest) = bytes.split_first_chunk::<1>()?;
            let (salt, rest) = rest.split_first_chunk::<32>()?;
            let (count, rest) = rest.split_first_chunk::<8>()?;
            let (digest, rest) = rest.split_first_chunk::<32>()?;
            let (since, rest) = rest.split_first_chunk::<8>()?;
            let (until, rest) = rest.split_first_chunk::<8>()?;
            let told: [u8; 8] = rest.try_into().ok()?;
            (*version == [ACCOUNT_VERSION]).then_some(Self {
                salt: *salt,
                count: u64::from_be_bytes(*count),
                digest: *digest,
                since: Time::from_millis(i64::from_be_bytes(*since))?,
                until: Time::from_millis(i64::from_be_bytes(*until))?,
                told_after: u64::from_be_bytes(told).checked_sub(1),
            })
        };
        read().map(Some).ok_or_else(|| Error::Inconsistent("the account of erased openings does not read".to_owned()))
    }
}

/// What opens the digest's first link.
fn opening(salt: &[u8; 32]) -> Result<Opening, Error> {
    Opening::from_parts(Scheme::Text, DIGEST_TEXT.to_owned(), salt)
        .map_err(|error| Error::Inconsistent(error.to_string()))
}

/// An entry about a person: a query or a trace, which have a case. What opens an agreement's texts, or the digest of an
/// erasure, has none, and does not age.
fn is_about_a_person(of_entry: &OfEntry) -> bool {
    of_entry.iter().any(|(_, opening)| opening.scheme() == Scheme::Case)
}

impl Hub {
    /// Takes an order to erase openings that came over `peer`'s connection, and carries it out, whether anybody waits for it or
    /// not. Sent again, it is carried out again: what a stop left over is erased then. `hear` is told how far it is.
    ///
    /// # Errors
    /// When no entry was made, or when it could not be carried out. A refusal is no error: it stands in the receipt.
    pub async fn erase(
        self: &Arc<Self>,
        peer: SystemId,
        envelope: dsse::Envelope,
        openings: Vec<Opening>,
        mut hear: impl FnMut(Progress) + Send + 'static,
    ) -> Result<ErasureAnswer, Error> {
        let holder = openings.first().cloned();
        let begin = move |hub: &Self| {
            let statement = wire::read_statement(&envelope.payload_type, &envelope.payload)?;
            if !matches!(statement, Statement::Erasure(..)) {
                return Err(Error::WrongKind { expected: "an order to erase openings" });
            }
            let verified = Verified::new(&hub.snapshot(), &peer, envelope, statement, openings)?;
            let attempt = hub.decide_erasure(&verified)?;
            Ok((verified, attempt))
        };
        let (receipt, _) = self.enter(begin, Self::decide_erasure).await?;
        if receipt.outcome != Outcome::ErasureOrdered {
            return Ok(ErasureAnswer { receipt, erased: 0 });
        }
        let _turn = self.erasing.lock().await;
        self.tell_erased().await?;
        let hub = Arc::clone(self);
        let carried_out = scan(move || {
            let selection = hub.selection(&receipt, holder.as_ref())?;
            let erased = hub.erase_selected(&selection, 0, &mut |progress| {
                hear(progress);
                true
            });
            Ok(ErasureAnswer { receipt, erased: erased? })
        });
        carried_out.await?
    }

    fn decide_erasure(&self, verified: &Verified) -> Result<Attempt<()>, Error> {
        let Statement::Erasure(_, erasure) = verified.statement.as_ref() else {
            return Err(Error::WrongKind { expected: "an order to erase openings" });
        };
        let snapshot = self.snapshot();
        let now = Moment::new(self.clock.now().max(snapshot.time));
        let reused = match verified.earlier(self.projections.as_ref(), self.reader.as_ref())? {
            Earlier::Same(receipt) => return Ok(Attempt::Answered(*receipt)),
            Earlier::Other => true,
            Earlier::None => false,
        };
        let standing = standing(verified, *erasure, reused);
        let outcome = match admit(&snapshot.rules, &verified.statement, standing, &now) {
            Ok(()) => Outcome::ErasureOrdered,
            Err(refusal) => Outcome::Refused(refusal),
        };
        let mut draft = verified.draft(outcome, standing, snapshot.size, &now);
        // Whoever is to be forgotten is not to be remembered by it.
        draft.openings.clear();
        Ok(Attempt::Decided(Box::new(draft), ()))
    }

    /// What the order in an entry selects. The holder's opening came beside it; sent again, it must open the same.
    fn selection(&self, order: &Receipt, holder: Option<&Opening>) -> Result<Selection, Error> {
        let snapshot = self.snapshot();
        let statement = statement_of(order.index, &decode(order.index, &order.entry)?)?;
        match (statement, holder) {
            (Some(Statement::Erasure(_, Erasure::Before(time))), _) => {
                Ok(Selection::Before(self.first_since(time, snapshot.size)?))
            }
            (Some(Statement::Erasure(_, Erasure::Holder(commitment))), Some(holder))
                if holder.verify(commitment.as_bytes()).is_ok() =>
            {
                Ok(Selection::Holder(Box::new(self.names_of(&snapshot, holder)?)))
            }
            _ => Err(Error::Argument { field: "openings", problem: "must open the holder's commitment".to_owned() }),
        }
    }

    /// Does what is due about openings: tells what was erased on days that are over, and erases those of queries and traces that
    /// were entered more than `keep_days` days ago. To be called now and then; gives how many were erased.
    ///
    /// # Errors
    /// When a store fails.
    pub async fn tend_openings(self: &Arc<Self>, keep_days: Option<u32>) -> Result<u64, Error> {
        let _turn = self.erasing.lock().await;
        self.tell_erased().await?;
        let Some(days) = keep_days else { return Ok(0) };
        let hub = Arc::clone(self);
        scan(move || {
            let snapshot = hub.snapshot();
            let now = hub.clock.now().max(snapshot.time);
            let before = hub.first_since(now.plus_seconds(-86_400 * i64::from(days)), snapshot.size)?;
            // What was looked through once has nothing left to age.
            let from = hub.aged.load(Ordering::Acquire).min(before);
            let erased = hub.erase_selected(&Selection::Before(before), from, &mut |_| true)?;
            hub.aged.store(before, Ordering::Release);
            Ok(erased)
        })
        .await?
    }

    /// Erases what a selection names, from an entry on. Blocks, for long. Whoever calls it has the turn.
    fn erase_selected(&self, selection: &Selection, from: u64, hear: Listener<'_>) -> Result<u64, Error> {
        let end = match selection {
            Selection::Before(end) => *end,
            Selection::Holder(_) => self.snapshot().size,
        };
        let mut chunk: Vec<Slot> = Vec::new();
        let mut erased = 0;
        let looked = self.look_through(from..end, hear, |of_entry| {
            let all = of_entry.iter().map(|(slot, _)| *slot);
            match selection {
                Selection::Before(_) if is_about_a_person(of_entry) => chunk.extend(all),
                Selection::Before(_) => {}
                Selection::Holder(names) => match self.about(names, of_entry)? {
                    // What else was said for this holder alone, the case too, says who it was.
                    Some(about) if about.is_alone => chunk.extend(all),
                    Some(about) => chunk.extend(about.slots),
                    None => {}
                },
            }
            if chunk.len() >= ERASED_AT_ONCE {
                erased += self.erase_slots(&std::mem::take(&mut chunk))?;
            }
            Ok(())
        });
        if !chunk.is_empty() && looked.is_ok() {
            erased += self.erase_slots(&chunk)?;
        }
        looked?;
        if erased > 0 {
            // The list of what was erased last is not kept longer than it is needed.
            self.keep_account(&self.openings.account(), &[])?;
        }
        Ok(erased)
    }

    fn erase_slots(&self, slots: &[Slot]) -> Result<u64, Error> {
        let now = self.clock.now().max(self.snapshot().time);
        let account = match Account::decode(&self.openings.account())? {
            Some(account) => account,
            None => {
                let mut salt = [0; 32];
                self.random.fill(&mut salt).map_err(|error| Error::Inconsistent(error.to_string()))?;
                Account::new(salt, now)?
            }
        };
        self.keep_account(&account.with(slots, now).encode(), slots)?;
        Ok(slots.len() as u64)
    }

    fn keep_account(&self, account: &[u8], erasing: &[Slot]) -> Result<(), Error> {
        self.openings.erase(erasing, account).map_err(|error| {
            if !matches!(error, store::Error::Full { .. }) {
                self.sequencer.fail(format!("an erasure of openings failed: {error}"));
            }
            error.into()
        })
    }

    /// Enters what was erased, once the civil day of the last erasure is over. Whoever calls it has the turn.
    async fn tell_erased(self: &Arc<Self>) -> Result<(), Error> {
        let hub = Arc::clone(self);
        let Some(account) = scan(move || hub.begin_to_tell()).await?? else { return Ok(()) };
        let opening = wire::encode_opening(&opening(&account.salt)?);
        self.sequencer.note(account.notice(), vec![opening]).await?;
        let hub = Arc::clone(self);
        scan(move || hub.keep_account(&[], &[])).await?
    }

    /// The account, if it is due to be told and is not told yet. Blocks.
    pub(super) fn begin_to_tell(&self) -> Result<Option<Account>, Error> {
        let Some(mut account) = Account::decode(&self.openings.account())? else { return Ok(None) };
        let snapshot = self.snapshot();
        let day = |time: Time| time.civil_day(snapshot.rules.policy.civil_day_offset_seconds);
        if account.count == 0 || day(account.until) >= day(self.clock.now().max(snapshot.time)) {
            return Ok(None);
        }
        if let Some(after) = account.told_after
            && self.was_told(&account, after, snapshot.size)?
        {
            self.keep_account(&[], &[])?;
            return Ok(None);
        }
        account.told_after = Some(snapshot.size);
        self.keep_account(&account.encode(), &[])?;
        Ok(Some(account))
    }

    /// Whether an entry from `after` on tells of the account: the process may have ended between the two.
    fn was_told(&self, account: &Account, after: u64, size: u64) -> Result<bool, Error> {
        let notice = Outcome::Noted(account.notice());
        let mut at = after;
        while at < size {
            let entries = self.reader.entries(at, size, super::projection::CATCH_UP_BYTES)?;
            for bytes in &entries {
                if decode(at, bytes)?.outcome == notice {
                    return Ok(true);
                }
                at += 1;
            }
        }
        Ok(false)
    }

    /// Says to whoever looks through openings that the hub stops.
    pub(super) fn stop_looking(&self) {
        self.stopping.store(true, Ordering::Release);
    }
}

/// An order by holder travels with the holder's opening, one by age with none.
fn standing(verified: &Verified, erasure: Erasure, reused: bool) -> Standing {
    match erasure {
        Erasure::Before(_) => verified.standing(reused, &[]),
        Erasure::Holder(commitment) => {
            let mut standing = verified.standing(reused, &[Expected { commitment, schemes: None }]);
            standing.openings_match &= verified.openings.first().is_some_and(is_holders);
            standing
        }
    }
}
