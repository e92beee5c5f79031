//! Business licences of the example data, and a provider who signs and publishes them.

use std::{
    collections::BTreeSet,
    io::Cursor,
    sync::{Arc, LazyLock, OnceLock},
};

use hutong::{
    client::{Client, Lookup, PublicationAnswer, QueryRequest, SignedRecord},
    domain::{
        catalog::Resource,
        id::{Digest, ResourceId},
        record::RecordStatus,
    },
    examples::{self, Encoding},
    publishing::{NextVersion, PreparedRecord, Publisher, columns, ignored_names},
    schema::Schema,
    sign::{
        SystemRandomness,
        sd_jwt::{self, SdJwt},
    },
    tabular::{self, Format},
};
use serde_json::Value;

pub(crate) const RESOURCE: &str = "samr.business-licence";
/// The catalog of the examples.
pub(crate) const CATALOG: &[u8] = include_bytes!("../../../deploy/examples/catalog.toml");

/// One licence, as its row in the table says.
#[derive(Debug, Clone)]
pub(crate) struct Licence {
    pub(crate) id: String,
    pub(crate) holder: String,
    pub(crate) name: String,
    pub(crate) representative: String,
    pub(crate) citizen_id: String,
    pub(crate) domicile: String,
    pub(crate) scope: String,
    row: tabular::Row,
}

/// The resource, as the catalog has it.
pub(crate) fn resource() -> &'static Arc<Resource> {
    static RESOURCE: OnceLock<Arc<Resource>> = OnceLock::new();
    RESOURCE.get_or_init(|| Arc::new(hutong::catalog::parse(CATALOG).unwrap().resources.swap_remove(0)))
}

/// The table of the first `rows` licences, with faults in some of them.
pub(crate) fn table(rows: u64, with_errors: u64) -> Vec<u8> {
    let options = examples::Options { rows, seed: 7, encoding: Encoding::Utf8, excel_mangled: false, with_errors };
    let mut table = Vec::new();
    examples::write_business_licences(&mut table, &options).unwrap();
    table
}

/// The first `count` licences that have not expired: a fifth of the table has.
pub(crate) fn licences(count: usize) -> Vec<Licence> {
    let today = hutong::cli::today().unwrap().to_string();
    let options = tabular::Options { ignored: ignored_names(resource()), ..tabular::Options::default() };
    let rows = tabular::read(Cursor::new(table(2 * count as u64, 0)), Format::Delimited, columns(resource()), &options)
        .unwrap();
    let text = |row: &tabular::Row, code| row.get(code).and_then(Value::as_str).unwrap().to_owned();
    rows.map(Result::unwrap)
        .filter(|row| text(row, "ZZYXQJZRQ") > today)
        .take(count)
        .map(|row| Licence {
            id: text(&row, "ZZBS"),
            holder: text(&row, "CZZTDM"),
            name: text(&row, "CZZT"),
            representative: text(&row, "KZ_FDDBR"),
            citizen_id: text(&row, "KZ_FDDBRZJH"),
            domicile: text(&row, "KZ_ZS"),
            scope: text(&row, "KZ_JYFW"),
            row,
        })
        .collect()
}

/// The department that issues the licences.
#[derive(Clone)]
pub(crate) struct Registry {
    pub(crate) client: Client,
}

impl Registry {
    fn publisher(&self) -> Publisher<'_> {
        static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::compile(resource(), 1).unwrap());
        Publisher {
            resource: resource(),
            resource_version: 1,
            issuer: *self.client.system().department(),
            schema: &SCHEMA,
            numbering: None,
            secret: self.client.secret().unwrap(),
            issued_at: hutong::cli::now().unwrap(),
        }
    }

    pub(crate) fn prepare(&self, licence: &Licence) -> PreparedRecord {
        self.publisher().prepare(&licence.row).unwrap()
    }

    /// Signs a licence as a version of its record.
    pub(crate) fn sign(&self, licence: &Licence, version: u32) -> SignedRecord {
        let (key, random) = (self.client.signing_key(), SystemRandomness::new());
        let next = NextVersion { version, status: RecordStatus::Active };
        let record = self.publisher().issue(&self.prepare(licence), next, key, &random).unwrap();
        SignedRecord { published: record.published, sd_jwt: record.sd_jwt, record_salt: record.record_salt }
    }

    /// Signs a licence whose fields were changed before, as somebody would whose program checks nothing.
    pub(crate) fn sign_changed(
        &self,
        licence: &Licence,
        change: impl FnOnce(&mut Vec<(String, Value)>),
    ) -> SignedRecord {
        let mut record = self.sign(licence, 1);
        let honest = SdJwt::parse(&record.sd_jwt).unwrap();
        let mut fields = honest.values().unwrap();
        change(&mut fields);
        let (key, claims) = (self.client.signing_key(), honest.claims_unverified().unwrap());
        let sd_jwt = sd_jwt::issue(key, &SystemRandomness::new(), &claims, &fields).unwrap();
        record.published.jwt_sha256 = Digest(SdJwt::parse(&sd_jwt).unwrap().jwt_hash());
        SignedRecord { sd_jwt, ..record }
    }

    /// Publishes the first version of licences.
    pub(crate) async fn publish(&self, licences: &[Licence]) -> Result<PublicationAnswer, hutong::client::Error> {
        let records: Vec<_> = licences.iter().map(|licence| self.sign(licence, 1)).collect();
        self.client.publish(&resource_id(), 1, &records).await
    }
}

pub(crate) fn resource_id() -> ResourceId {
    RESOURCE.parse().unwrap()
}

/// The fields that [`question`] asks for.
pub(crate) const FIELDS: [&str; 3] = ["CZZT", "KZ_FDDBR_MASKED", "KZ_JYFW"];

/// A question of the housing department for licences.
pub(crate) fn question(by: Lookup) -> QueryRequest {
    QueryRequest {
        resource: resource_id(),
        purpose: "housing-registration".parse().unwrap(),
        matter: "000117001000".parse().unwrap(),
        case: "样办件-2026-000123".to_owned(),
        operator: "样例经办人0042".to_owned(),
        agreement: None,
        fields: FIELDS.iter().map(|code| code.parse().unwrap()).collect::<BTreeSet<_>>(),
        by,
    }
}
