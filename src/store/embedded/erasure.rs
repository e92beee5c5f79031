//! Erasing openings, all that was meant or nothing: first a small file says which slots, then they are overwritten. A start
//! that finds the file overwrites them again.
//!
//! The file `openings/erasure` holds, with the caller's account, the slots of the erasure made last:
//!
//! ```text
//!  0  magic      4   HTE1
//!  4  file id   16   random, new each time; the data key is derived from the vault key with it
//! 20  sealed         nonce 12 ‖ ciphertext ‖ tag 16, in slot 0, of:
//!       count     4
//!       slots    12 each: u64 index of the entry, u32 position among its openings
//!       account       the rest
//! ```
//!
//! It is sealed, since it says for a while which openings were erased together.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
};

use super::{
    disk::{self, Disk},
    log::Shared,
    openings::{DIR, not_erased},
    segment::{Fields, damaged},
    vault::Vault,
};
use crate::{
    sign::sealing::place,
    store::{Error, Kept, Openings, Slot},
};

/// What the file begins with.
const MAGIC: [u8; 4] = *b"HTE1";

/// The name of the file, beside those of the openings.
const FILE: &str = "erasure";

/// What erases openings.
pub(super) struct Eraser {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    path: PathBuf,
    vault: Vault,
    /// Held while an erasure is made: they are made one after the other.
    account: Mutex<Vec<u8>>,
}

impl Eraser {
    /// Opens the file, and makes the erasure again that it tells of: the process may have ended in the midst of it.
    pub(super) fn open(disk: &Arc<dyn Disk>, dir: &Path, vault: &Vault, shared: Arc<Shared>) -> Result<Self, Error> {
        let path = dir.join(DIR).join(FILE);
        let account = match disk::read_file(&**disk, &path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(Error::Io { what: format!("read {}", path.display()), source }),
            Ok(bytes) => {
                let (slots, account) = unseal(vault, &path, &bytes)?;
                shared.erase(&slots)?;
                account
            }
        };
        Ok(Self { shared, disk: Arc::clone(disk), path, vault: vault.clone(), account: Mutex::new(account) })
    }

    fn write(&self, slots: &[Slot], account: &[u8]) -> Result<(), Error> {
        let id: [u8; 16] = self.vault.random()?;
        let mut plaintext = (slots.len() as u32).to_be_bytes().to_vec();
        for slot in slots {
            plaintext.extend_from_slice(&slot.index.to_be_bytes());
            plaintext.extend_from_slice(&slot.position.to_be_bytes());
        }
        plaintext.extend_from_slice(account);
        let sealed = self.vault.seal_alone(&hex::encode(id), &plaintext)?;
        let bytes = [&MAGIC, id.as_slice(), &sealed].concat();
        disk::create_whole(&*self.disk, &self.path, |file| file.write_at(&bytes, 0))
            .map(drop)
            .map_err(|source| unknown(super::not_written("the account of an erasure", source)))
    }
}

/// Once the file may have its name a start would make the erasure, so nobody knows whether it is made.
fn unknown(error: Error) -> Error {
    match error {
        Error::Io { source, .. } => not_erased(source),
        other => other,
    }
}

fn unseal(vault: &Vault, path: &Path, bytes: &[u8]) -> Result<(Vec<Slot>, Vec<u8>), Error> {
    let mut fields = Fields::new(bytes);
    let id = (fields.array() == Some(MAGIC)).then(|| fields.array::<16>()).flatten();
    let id = id.ok_or_else(|| damaged(path, 0, "it is not the account of an erasure"))?;
    let key = vault.file_key(&hex::encode(id), 0)?;
    let plaintext = key.unseal(&place(&hex::encode(id), 0), fields.rest());
    let plaintext = plaintext.map_err(|error| damaged(path, 0, error.to_string()))?;
    let mut fields = Fields::new(&plaintext);
    let mut read = || {
        let count = fields.u32()?;
        let slots = (0..count).map(|_| Some(Slot { index: fields.u64()?, position: fields.u32()? }));
        let slots = slots.collect::<Option<Vec<_>>>()?;
        Some(slots)
    };
    let slots = read().ok_or_else(|| damaged(path, 0, "it is cut off"))?;
    Ok((slots, fields.rest().to_vec()))
}

impl Openings for Eraser {
    fn kept(&self, from: u64) -> Result<Kept, Error> {
        self.shared.kept(from)
    }

    fn erase(&self, slots: &[Slot], account: &[u8]) -> Result<(), Error> {
        let mut kept = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.check_usable()?;
        let erased = self.write(slots, account).and_then(|()| self.shared.erase(slots).map_err(unknown));
        match &erased {
            Ok(()) => *kept = account.to_vec(),
            // Nothing was written.
            Err(Error::Full { .. }) => {}
            Err(_) => self.shared.failed.store(true, Ordering::Release),
        }
        erased
    }

    fn account(&self) -> Vec<u8> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
