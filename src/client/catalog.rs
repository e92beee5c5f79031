//! The catalog: resources and code tables, to read and to bring into force.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use super::{
    Changed, Client, Error,
    rule::{MAX_PAGES, PAGE_SIZE, endless, rule_call},
};
use crate::{
    domain::{
        catalog::{CatalogPart, CodeTable, CodeTableRef, Resource},
        id::{CodeTableId, Digest, ResourceId},
        statement::{RuleChange, Statement},
    },
    sign::sha256,
    wire::{
        self,
        proto::{self, publication_service_client::PublicationServiceClient, rule_service_client::RuleServiceClient},
    },
};

/// The longest payload of a catalog part, in bytes: an entry holds at most 65,535, of which the envelope, the outcome and
/// their framing take less than 1,000.
pub const MAX_PART_BYTES: usize = 64_000;

/// A resource of the catalog, as it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogEntry {
    /// The resource, with the code tables that it follows.
    pub resource: Arc<Resource>,
    /// Its version.
    pub version: u32,
}

/// How many current records follow a version of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordCount {
    /// The resource.
    pub resource_id: ResourceId,
    /// The version that they were published under.
    pub resource_version: u32,
    /// How many.
    pub records: u64,
}

// === Bringing into force

impl Client {
    /// Enters resources and code tables as parts without effect, then releases all of them together on the catalog version
    /// they were made for. `progress` is told how many of how many parts were entered.
    ///
    /// # Errors
    /// As [`Client::change`]; [`Error::Input`] for a resource too large for one entry. When the release fails nothing is in
    /// force of it.
    pub async fn apply_catalog(
        &self,
        content: CatalogPart,
        base_version: u64,
        allow_breaking: bool,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Changed, Error> {
        let pieces = split(content)?;
        let count = pieces.len();
        let mut parts = Vec::with_capacity(count);
        for content in pieces {
            progress(parts.len(), count);
            // The digest is of the payload, which the header is a part of: the statement is signed first.
            let signed = self.author().sign(self.random(), super::now()?, Vec::new(), |header| {
                Statement::Rule(header, RuleChange::CatalogPart { part: Digest([0; 32]), content })
            })?;
            self.submit_change(&signed).await?;
            parts.push(Digest(sha256(&signed.envelope.payload)));
        }
        progress(count, count);
        let release = RuleChange::CatalogRelease { base_version, parts, allow_breaking };
        let changed = self.change(release, Vec::new()).await;
        self.forget_resources();
        changed
    }
}

/// Fills parts, in order, up to [`MAX_PART_BYTES`]: tables first, since resources follow them.
fn split(content: CatalogPart) -> Result<Vec<CatalogPart>, Error> {
    let mut parts: Vec<CatalogPart> = Vec::new();
    let mut room = 0;
    let mut fill = |size: usize, put: &mut dyn FnMut(&mut CatalogPart)| {
        if parts.is_empty() || size > room {
            parts.push(CatalogPart::default());
            room = MAX_PART_BYTES;
        }
        parts.last_mut().into_iter().for_each(put);
        room = room.saturating_sub(size);
    };
    for table in content.code_tables.iter().flat_map(|table| pieces(table)) {
        let size = prost::Message::encoded_len(&wire::code_table_to_proto(&table)) + PART_OVERHEAD_BYTES;
        let table = Arc::new(table);
        fill(size, &mut |part| part.code_tables.push(Arc::clone(&table)));
    }
    for resource in content.resources {
        let size = wire::resource_len(&resource) + PART_OVERHEAD_BYTES;
        if size > MAX_PART_BYTES {
            let why = format!("takes {size} bytes, and an entry of the log has room for {MAX_PART_BYTES}");
            return Err(Error::Input { what: format!("resource {}", resource.resource_id), why });
        }
        fill(size, &mut |part| part.resources.push(Arc::clone(&resource)));
    }
    Ok(parts)
}

/// A table in pieces that a part holds, each with codes of at most [`PIECE_BYTES`].
fn pieces(table: &CodeTable) -> Vec<CodeTable> {
    let mut pieces = vec![Vec::new()];
    let mut bytes = 0;
    for code in table.codes() {
        let size = wire::table_code_len(table, code);
        if bytes + size > PIECE_BYTES {
            pieces.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        pieces.last_mut().into_iter().for_each(|piece| piece.push(code.clone()));
    }
    let piece = |codes| CodeTable::new(table.table_id().clone(), table.version(), table.name().to_owned(), codes);
    pieces.into_iter().map(piece).collect()
}

/// What a resource or table takes in a part beyond its own encoding: a tag and a length of at most three bytes; and, once,
/// the header, of which the longest SPIFFE ID and hub domain take some 600.
const PART_OVERHEAD_BYTES: usize = 8;
/// The codes of a piece of a table: a part less the table's id and its name of at most 1,000 characters of 4 bytes.
const PIECE_BYTES: usize = MAX_PART_BYTES - 5_000;

// === Reading

impl Client {
    /// A resource of the catalog as it is in force; remembered until a refusal shows that it changed.
    ///
    /// # Errors
    /// [`Error::Rejected`] when there is none, [`Error::Malformed`], [`Error::Unavailable`].
    pub async fn resource(&self, id: &ResourceId) -> Result<CatalogEntry, Error> {
        if let Some(known) = self.known_resource(id) {
            return Ok(known);
        }
        let message = proto::GetResourceRequest { resource_id: id.to_string(), version: 0 };
        let answer: proto::GetResourceResponse = rule_call!(self, get_resource, message).await?;
        let mut entries = self.with_code_tables(vec![catalog_entry(answer.resource)?]).await?;
        let entry = entries.pop().ok_or_else(|| endless("resources"))?;
        self.remember_resource(&entry);
        Ok(entry)
    }

    /// A version of a resource, with the code tables that it follows.
    ///
    /// # Errors
    /// As [`Client::resource`].
    pub async fn resource_version(&self, id: &ResourceId, version: u32) -> Result<Arc<Resource>, Error> {
        let message = proto::GetResourceRequest { resource_id: id.to_string(), version };
        let answer: proto::GetResourceResponse = rule_call!(self, get_resource, message).await?;
        let mut entries = self.with_code_tables(vec![catalog_entry(answer.resource)?]).await?;
        entries.pop().map(|entry| entry.resource).ok_or_else(|| endless("resources"))
    }

    /// The whole catalog, and its version.
    ///
    /// # Errors
    /// As [`Client::resource`].
    pub async fn catalog(&self) -> Result<(Vec<CatalogEntry>, u64), Error> {
        let mut entries = Vec::new();
        let mut page_token = String::new();
        let mut catalog_version = None;
        for _ in 0..MAX_PAGES {
            let message = proto::ListResourcesRequest { page_size: PAGE_SIZE, page_token };
            let page: proto::ListResourcesResponse = rule_call!(self, list_resources, message).await?;
            if *catalog_version.get_or_insert(page.catalog_version) != page.catalog_version {
                // Pages of two versions are no catalog that ever was in force.
                (entries, page_token, catalog_version) = (Vec::new(), String::new(), None);
                continue;
            }
            for entry in page.resources {
                entries.push(catalog_entry(Some(entry))?);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok((self.with_code_tables(entries).await?, page.catalog_version));
            }
        }
        Err(endless("resources"))
    }

    /// Entries with the code tables that they follow, each asked for once.
    async fn with_code_tables(&self, entries: Vec<CatalogEntry>) -> Result<Vec<CatalogEntry>, Error> {
        let mut tables: HashMap<(CodeTableId, u32), Arc<CodeTable>> = HashMap::new();
        let key = |table: &CodeTableRef| (table.table_id.clone(), table.version);
        for reference in entries.iter().flat_map(|entry| entry.resource.code_table_refs()) {
            if let Entry::Vacant(unknown) = tables.entry(key(reference)) {
                let table = self.code_table(&reference.table_id, Some(reference.version)).await?;
                unknown.insert(Arc::new(table));
            }
        }
        let complete = |entry: CatalogEntry| {
            let found = entry.resource.with_code_tables(|table| tables.get(&key(table)).cloned());
            let resource = found.map_err(|table| Error::Input {
                what: format!("resource {}", entry.resource.resource_id),
                why: format!("follows code table {table}, and the hub gave another"),
            })?;
            Ok(CatalogEntry { resource, version: entry.version })
        };
        entries.into_iter().map(complete).collect()
    }

    /// A code table in its newest version, or in the one given.
    ///
    /// # Errors
    /// As [`Client::resource`].
    pub async fn code_table(&self, id: &CodeTableId, version: Option<u32>) -> Result<CodeTable, Error> {
        let message = proto::GetCodeTableRequest { table_id: id.to_string(), version: version.unwrap_or(0) };
        let answer: proto::GetCodeTableResponse = rule_call!(self, get_code_table, message).await?;
        let table = wire::code_table_from_proto(&answer.code_table.unwrap_or_default())?;
        if table.table_id() != id || version.is_some_and(|version| table.version() != version) {
            let why = format!("the hub gave {table:?}");
            return Err(Error::Input { what: format!("code table {id}"), why });
        }
        Ok(table)
    }

    /// The code tables of the catalog, each in its newest version.
    ///
    /// # Errors
    /// As [`Client::resource`].
    pub async fn code_tables(&self) -> Result<Vec<Arc<CodeTable>>, Error> {
        let mut tables = Vec::new();
        let mut page_token = String::new();
        for _ in 0..MAX_PAGES {
            let message = proto::ListCodeTablesRequest { page_size: PAGE_SIZE, page_token };
            let page: proto::ListCodeTablesResponse = rule_call!(self, list_code_tables, message).await?;
            for listed in &page.code_tables {
                let id = listed.table_id.parse().map_err(|error| Error::Input {
                    what: "the list of code tables".to_owned(),
                    why: format!("{:?} is no id: {error}", listed.table_id),
                })?;
                tables.push(Arc::new(self.code_table(&id, Some(listed.version)).await?));
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(tables);
            }
        }
        Err(endless("code tables"))
    }

    /// How many current records there are of each resource, by the version that they were published under; for
    /// administrators and auditors.
    ///
    /// # Errors
    /// As [`Client::resource`].
    pub async fn record_counts(&self) -> Result<Vec<RecordCount>, Error> {
        let message = proto::CountRecordsRequest {};
        let call =
            |channel, request| async move { PublicationServiceClient::new(channel).count_records(request).await };
        let answer: proto::CountRecordsResponse = self.connection().call(&message, call).await?;
        let count = |count: &proto::RecordCount| {
            let resource_id = count.resource_id.parse().map_err(|error| Error::Input {
                what: "the count of records".to_owned(),
                why: format!("{:?} is no id: {error}", count.resource_id),
            })?;
            Ok(RecordCount { resource_id, resource_version: count.resource_version, records: count.records })
        };
        answer.counts.iter().map(count).collect()
    }
}

fn catalog_entry(message: Option<proto::CatalogResource>) -> Result<CatalogEntry, Error> {
    let message = message.unwrap_or_default();
    let resource = wire::resource_from_proto(&message.resource.unwrap_or_default())?;
    Ok(CatalogEntry { resource: Arc::new(resource), version: message.version })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::{
        client::fixture,
        domain::catalog::{TableCode, assemble},
    };

    fn resources(resources: Vec<Arc<Resource>>) -> CatalogPart {
        CatalogPart { resources, code_tables: Vec::new() }
    }

    #[test]
    fn a_catalog_is_split_into_parts_that_an_entry_holds() {
        let one = Arc::new(fixture::resource());
        let size = wire::resource_len(&one) + PART_OVERHEAD_BYTES;
        let fit = MAX_PART_BYTES / size;
        let parts = split(resources(vec![one; fit * 2 + 1])).unwrap();
        assert_eq!(parts.iter().map(|part| part.resources.len()).collect::<Vec<_>>(), [fit, fit, 1]);
        assert!(split(CatalogPart::default()).unwrap().is_empty());
    }

    #[test]
    fn a_resource_above_an_entry_is_refused_by_name() {
        let mut large = fixture::resource();
        large.summary = "要".repeat(MAX_PART_BYTES);
        let error = split(resources(vec![Arc::new(large)])).unwrap_err();
        assert!(error.to_string().contains(fixture::RESOURCE), "{error}");
    }

    #[test]
    fn a_table_above_an_entry_is_split_and_put_together_again() {
        let code = |number: u32| TableCode {
            code: number.to_string(),
            name: "一个地方的名称".into(),
            parent: String::new(),
            valid_from: None,
            valid_until: None,
        };
        let table = CodeTable::new("gbt-2260".parse().unwrap(), 3, "行政区划".into(), (0..9_000).map(code).collect());
        let table = Arc::new(table);
        let content =
            CatalogPart { resources: vec![Arc::new(fixture::resource())], code_tables: vec![Arc::clone(&table)] };
        let parts = split(content).unwrap();
        assert!(parts.len() > 3, "{}", parts.len());
        for part in &parts {
            let tables =
                part.code_tables.iter().map(|table| prost::Message::encoded_len(&wire::code_table_to_proto(table)));
            assert!(tables.sum::<usize>() <= MAX_PART_BYTES);
        }
        assert_eq!(assemble(parts.iter().flat_map(|part| &part.code_tables)).unwrap(), [table]);
        assert_eq!(parts.iter().map(|part| part.resources.len()).sum::<usize>(), 1);
    }
}
