//! The records: what is in them, and what the catalog says of them.

use anyhow::Context as _;
use serde_json::Value;

use super::{ADMINISTRATOR, Actor, PROVIDER, RESOURCE};
use crate::{
    domain::{
        catalog::{Field, FieldType, Metadata, Resource, ResourceKind, SharingClass, UpdateCycle},
        id::Handle,
        identifier::{LicenceId, Uscc},
        time::Time,
    },
    sign::{
        Secret, SystemRandomness,
        commitment::{record_handle, record_salt},
        sd_jwt,
    },
};

/// The fields of the resource: two identifiers and ten texts.
pub(super) const FIELDS: [&str; 12] = [
    "ZZBS", "CZZTDM", "CZZT", "KZ_LX", "KZ_DZ", "KZ_FDDBR", "KZ_ZCZB", "KZ_CLRQ", "KZ_JYFW", "KZ_DJJG", "KZ_DJZT",
    "KZ_BZ",
];
/// How many of them the agreements give.
pub(super) const RELEASED: usize = 8;
/// Bytes of a record's values together.
const RECORD_BYTES: usize = 1024;

/// A signed record.
pub struct Record {
    pub(super) handle: Handle,
    /// The SD-JWT with all of its disclosures.
    pub sd_jwt: String,
    pub(super) salt: [u8; 32],
}

impl Record {
    /// A record, signed by its provider.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn signed(provider: &Actor, number: u32, now: Time) -> anyhow::Result<Self> {
        let fields = fields(number)?;
        let id = licence_id(number)?;
        let salt = record_salt(&Secret::from_bytes(&[5; 32]), RESOURCE, &id)?;
        let handle = record_handle(&salt, RESOURCE, &id)?;
        let claims = sd_jwt::RecordClaims {
            iss: PROVIDER.to_owned(),
            vct: resource()?.vct(1),
            jti: handle,
            ver: 1,
            iat: now.as_seconds(),
        };
        let sd_jwt = sd_jwt::issue(&provider.key, &SystemRandomness::new(), &claims, &fields)?;
        Ok(Self { handle: Handle(handle), sd_jwt, salt })
    }
}

/// The values of a record: identifiers, and texts that fill it up to its size.
fn fields(number: u32) -> anyhow::Result<Vec<(String, Value)>> {
    let [id, holder, texts @ ..] = FIELDS.map(str::to_owned);
    let mut fields = vec![(id, licence_id(number)?), (holder, self::holder(number)?)];
    let taken: usize = fields.iter().map(|(_, value)| value.len()).sum();
    let mut left = RECORD_BYTES.checked_sub(taken).context("the identifiers are longer than the record")?;
    for (code, texts_left) in texts.into_iter().zip((1..=FIELDS.len() - 2).rev()) {
        let length = left / texts_left;
        left -= length;
        // As many Chinese characters as fit, of three bytes each.
        fields.push((code, format!("{}{}", "样".repeat(length / 3), "0".repeat(length % 3))));
    }
    Ok(fields.into_iter().map(|(code, value)| (code, Value::String(value))).collect())
}

pub(super) fn licence_id(number: u32) -> anyhow::Result<String> {
    let id = LicenceId::complete(&format!("{ADMINISTRATOR}001"), PROVIDER, &format!("{number:011}"), "001");
    Ok(id?.as_str().to_owned())
}

pub(super) fn holder(number: u32) -> anyhow::Result<String> {
    Ok(Uscc::complete(&format!("91330105{number:08}"))?.as_str().to_owned())
}

/// What the catalog says of them.
///
/// # Errors
/// When a code is none, which a test would notice.
pub fn resource() -> anyhow::Result<Resource> {
    let field = |code: &str| {
        anyhow::Ok(Field {
            code: code.parse()?,
            name: format!("信息项 {code}"),
            name_en: String::new(),
            field_type: match code {
                "ZZBS" => FieldType::LicenceId,
                "CZZTDM" => FieldType::Uscc,
                _ => FieldType::Text { max_length: 200 },
            },
            required: true,
            sharing_class: SharingClass::Unconditional,
            repeated: false,
            sensitive: false,
            open_to_society: false,
            value_range: String::new(),
            derivation: None,
        })
    };
    Ok(Resource {
        resource_id: RESOURCE.parse()?,
        name: "营业执照".to_owned(),
        name_en: "Business licence".to_owned(),
        provider: PROVIDER.parse()?,
        kind: ResourceKind::Licence,
        national_code: String::new(),
        summary: String::new(),
        sharing_class: SharingClass::Unconditional,
        sharing_condition: String::new(),
        denial_basis: String::new(),
        metadata: Metadata::default(),
        update_cycle: UpdateCycle::Daily,
        fields: FIELDS.into_iter().map(field).collect::<Result<_, _>>()?,
        record_id_field: "ZZBS".parse()?,
        holder_field: "CZZTDM".parse()?,
        valid_from_field: None,
        valid_until_field: None,
        holder_type_field: None,
        replaces_field: None,
        copy_of: None,
    })
}
