//! Names at the end of the period, from the log's own directory and catalog.

use crate::domain::{identifier::Uscc, rules::Rules};

use super::figures::{Named, Party};

/// What names departments and resources.
pub(super) struct Names<'a>(pub(super) &'a Rules);

impl Names<'_> {
    /// A department; `None` is one that is not known.
    pub(super) fn party(&self, code: Option<Uscc>) -> Party {
        let name = code.and_then(|code| self.0.directory.departments.get(&code)).cloned().unwrap_or_default();
        Party { code: code.map(|code| code.as_str().to_owned()).unwrap_or_default(), name }
    }

    /// A resource, named if the catalog has it.
    pub(super) fn resource(&self, id: &str) -> Named {
        let found = self.0.catalog.newest(id).map(|(_, resource)| resource);
        Named {
            id: id.to_owned(),
            name: found.map(|resource| resource.name.clone()).unwrap_or_default(),
            name_en: found.map(|resource| resource.name_en.clone()).unwrap_or_default(),
        }
    }
}
