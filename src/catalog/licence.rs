//! Licences 电子证照 as GB/T 36903 describes them: an entry to begin with, and what an entry lacks of the standard.

use crate::domain::{
    catalog::{CodeValue, Field, FieldType, Metadata, Resource, ResourceKind, SharingClass, UpdateCycle},
    id::{FieldCode, MalformedId, ResourceId},
    identifier::{HolderCodeType, Uscc},
};

/// One item of the standard's metadata.
struct Item {
    code: &'static str,
    name: &'static str,
    name_en: &'static str,
    required: bool,
}

const fn item(code: &'static str, name: &'static str, name_en: &'static str, required: bool) -> Item {
    Item { code, name, name_en, required }
}

/// The metadata of a licence that its provider publishes (GB/T 36903), and which of it no record can do without. What a signature
/// says of itself (签章人, 签章时间) stands in the licence's file.
const METADATA: [Item; 13] = [
    item("ZZMC", "证照名称", "Name of the licence", true),
    item("ZZLXDM", "证照类型代码", "Licence type", true),
    item("ZZBH", "证照编号", "Licence number", true),
    item("ZZBS", "证照标识", "Licence identifier", true),
    item("ZZBFJG", "证照颁发机构", "Issuer", true),
    item("ZZBFJGDM", "证照颁发机构代码", "Credit code of the issuer", true),
    item("ZZBFRQ", "证照颁发日期", "Date of issue", true),
    item("CZZT", "持证主体", "Holder", true),
    item("CZZTDM", "持证主体代码", "Identifier of the holder", true),
    item("CZZTDMLX", "持证主体代码类型", "Kind of the holder's identifier, in words", false),
    item("CZZTDMLXDM", "持证主体代码类型代码", "Kind of the holder's identifier", true),
    item("ZZYXQQSRQ", "证照有效期起始日期", "Valid from", false),
    item("ZZYXQJZRQ", "证照有效期截止日期", "Valid until; 9999-12-31 for 长期", false),
];

/// Characters of a licence type: a credit code and three digits.
const TYPE_CHARS: u32 = 21;
/// What a name or a number may have, in characters: twice the longest in use.
const TEXT_CHARS: u32 = 200;

/// What says of a holder which kind of identifier names it. An entry whose holders are all of one kind needs neither.
const HOLDER_TYPES: [&str; 2] = ["CZZTDMLX", "CZZTDMLXDM"];

/// An entry of a licence with the metadata of the standard and nothing else, to be gone on with: what is special to a type of
/// licence gets codes that begin with `KZ_`.
///
/// # Errors
/// None; every code of the standard is a field's code, which a test shows.
pub fn new_licence(resource_id: ResourceId, name: String, provider: Uscc) -> Result<Resource, MalformedId> {
    let code = |code: &str| code.parse::<FieldCode>();
    let field = |item: &Item| {
        Ok(Field {
            code: code(item.code)?,
            name: item.name.to_owned(),
            name_en: item.name_en.to_owned(),
            field_type: field_type(item.code),
            required: item.required,
            repeated: false,
            sharing_class: SharingClass::Unconditional,
            sensitive: false,
            open_to_society: false,
            derivation: None,
            value_range: String::new(),
        })
    };
    Ok(Resource {
        resource_id,
        name,
        name_en: String::new(),
        provider,
        kind: ResourceKind::Licence,
        national_code: String::new(),
        summary: String::new(),
        sharing_class: SharingClass::Unconditional,
        sharing_condition: String::new(),
        denial_basis: String::new(),
        update_cycle: UpdateCycle::Daily,
        fields: METADATA.iter().map(field).collect::<Result<_, MalformedId>>()?,
        record_id_field: code("ZZBS")?,
        holder_field: code("CZZTDM")?,
        valid_from_field: Some(code("ZZYXQQSRQ")?),
        valid_until_field: Some(code("ZZYXQJZRQ")?),
        metadata: Metadata::default(),
        holder_type_field: Some(code("CZZTDMLXDM")?),
        replaces_field: None,
        copy_of: None,
    })
}

fn field_type(code: &str) -> FieldType {
    match code {
        "ZZBS" => FieldType::LicenceId,
        "ZZBFJGDM" => FieldType::Uscc,
        "ZZBFRQ" | "ZZYXQQSRQ" | "ZZYXQJZRQ" => FieldType::Date,
        "CZZTDM" => FieldType::HolderCode,
        "CZZTDMLXDM" => {
            let value = |(code, name): (&str, &str)| CodeValue { code: code.to_owned(), name: name.to_owned() };
            FieldType::Code(HolderCodeType::CODES.map(value).to_vec())
        }
        "ZZLXDM" => FieldType::Text { max_length: TYPE_CHARS },
        _ => FieldType::Text { max_length: TEXT_CHARS },
    }
}

/// What an entry of a licence lacks of the standard's metadata. Practice varies, so that is advice and no fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The resource.
    pub resource_id: ResourceId,
    /// Code, name and English name of each item that it lacks.
    pub lacks: Vec<(&'static str, &'static str, &'static str)>,
}

impl Advice {
    /// Advice about an entry, where there is some.
    pub fn of(resource: &Resource) -> Option<Self> {
        let has = |code: &str| resource.field(code).is_some();
        let is_mixed = resource
            .field(resource.holder_field.as_str())
            .is_some_and(|holder| holder.field_type == FieldType::HolderCode);
        let is_due = |item: &&Item| match HOLDER_TYPES.contains(&item.code) {
            true => is_mixed && !HOLDER_TYPES.iter().any(|code| has(code)),
            false => !has(item.code),
        };
        let lacks: Vec<_> = METADATA.iter().filter(is_due).map(|item| (item.code, item.name, item.name_en)).collect();
        let is_licence = resource.kind == ResourceKind::Licence;
        (is_licence && !lacks.is_empty()).then(|| Self { resource_id: resource.resource_id.clone(), lacks })
    }

    /// The advice, in English.
    pub fn english(&self) -> String {
        let items: Vec<_> = self.lacks.iter().map(|(code, _, name)| format!("{code} ({name})")).collect();
        format!("resource[{}]: a licence without what GB/T 36903 names: {}", self.resource_id, items.join(", "))
    }

    /// The advice, in Chinese.
    pub fn chinese(&self) -> String {
        let items: Vec<_> = self.lacks.iter().map(|(code, name, _)| format!("{code} {name}")).collect();
        format!("resource[{}]：电子证照缺少 GB/T 36903 的元数据：{}", self.resource_id, items.join("、"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::catalog::{parse, render};

    fn made() -> Resource {
        let provider = "11100000000013338W".parse().unwrap();
        new_licence("city.permit".parse().unwrap(), "许可证".to_owned(), provider).unwrap()
    }

    #[test]
    fn an_entry_to_begin_with_is_in_order_and_lacks_nothing() {
        let made = made();
        assert_eq!(made.violations(), []);
        assert_eq!(parse(render([], [&made]).as_bytes()).unwrap().resources, std::slice::from_ref(&made));
        assert_eq!(Advice::of(&made), None);
    }

    #[test]
    fn what_a_licence_lacks_is_named_and_of_other_kinds_nothing() {
        let lacks = |resource: &Resource| -> Vec<_> {
            Advice::of(resource).into_iter().flat_map(|advice| advice.lacks).map(|(code, ..)| code).collect()
        };
        let mut resource = made();
        resource.fields.retain(|field| !["ZZMC", "CZZTDMLX"].contains(&field.code.as_str()));
        assert_eq!(lacks(&resource), ["ZZMC"], "the kind's code is enough");
        resource.fields.retain(|field| field.code.as_str() != "CZZTDMLXDM");
        assert_eq!(lacks(&resource), ["ZZMC", "CZZTDMLX", "CZZTDMLXDM"]);
        let holder = resource.fields.iter_mut().find(|field| field.code.as_str() == "CZZTDM").unwrap();
        holder.field_type = FieldType::Uscc;
        assert_eq!(lacks(&resource), ["ZZMC"], "holders of one kind need no other");
        resource.kind = ResourceKind::Dataset;
        assert_eq!(Advice::of(&resource), None);
    }
}
