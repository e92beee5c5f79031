//! Resources of the catalog.

use super::{
    code_table::read_code_table_ref,
    proto,
    reading::{Malformed, Reading},
};
use crate::domain::{
    catalog::{
        CodeValue, CopyOf, DataGrade, Derivation, Field, FieldType, Metadata, Resource, ResourceFormat, ResourceKind,
        ShareMethod, SharingClass, UpdateCycle,
    },
    derive::DerivationRule,
};

/// Pairs a domain enum with a generated one, both ways.
macro_rules! paired {
    ($to:ident, $from:ident, $domain:ident, $proto:ident, { $($item:ident),* $(,)? }) => {
        pub(super) fn $to(value: $domain) -> i32 {
            (match value { $($domain::$item => proto::$proto::$item,)* }) as i32
        }

        pub(super) fn $from(number: i32) -> Option<$domain> {
            match proto::$proto::try_from(number).ok()? {
                $(proto::$proto::$item => Some($domain::$item),)*
                proto::$proto::Unspecified => None,
            }
        }
    };
}
pub(super) use paired;

paired!(kind_to_number, kind_from_number, ResourceKind, ResourceKind, { Licence, Certificate, ESeal, Dataset });
paired!(class_to_number, class_from_number, SharingClass, SharingClass, { Unconditional, Conditional, NotShared });
paired!(cycle_to_number, cycle_from_number, UpdateCycle, UpdateCycle, {
    RealTime, Daily, Weekly, Monthly, Quarterly, HalfYearly, Yearly, Other,
});
paired!(format_to_number, format_from_number, ResourceFormat, ResourceFormat, {
    ElectronicFile, Spreadsheet, Database, Image, StreamingMedia, SelfDescribing, ServiceInterface,
});
paired!(method_to_number, method_from_number, ShareMethod, ShareMethod, { Platform, Mail, Media });
paired!(grade_to_number, grade_from_number, DataGrade, DataGrade, { General, Important, Core });

/// The message of a resource.
pub fn resource_to_proto(resource: &Resource) -> proto::Resource {
    let code = |code: &Option<crate::domain::id::FieldCode>| code.as_ref().map(ToString::to_string).unwrap_or_default();
    proto::Resource {
        resource_id: resource.resource_id.to_string(),
        name: resource.name.clone(),
        name_en: resource.name_en.clone(),
        provider: resource.provider.as_str().to_owned(),
        kind: kind_to_number(resource.kind),
        national_code: resource.national_code.clone(),
        summary: resource.summary.clone(),
        sharing_class: class_to_number(resource.sharing_class),
        sharing_condition: resource.sharing_condition.clone(),
        denial_basis: resource.denial_basis.clone(),
        update_cycle: cycle_to_number(resource.update_cycle),
        fields: resource.fields.iter().map(field_to_proto).collect(),
        record_id_field: resource.record_id_field.to_string(),
        holder_field: resource.holder_field.to_string(),
        valid_from_field: code(&resource.valid_from_field),
        valid_until_field: code(&resource.valid_until_field),
        format: resource.metadata.format.map_or(0, format_to_number),
        share_method: resource.metadata.share_method.map_or(0, method_to_number),
        data_grade: resource.metadata.data_grade.map_or(0, grade_to_number),
        opening_condition: resource.metadata.opening_condition.clone(),
        related_codes: resource.metadata.related_codes.clone(),
        source_system: resource.metadata.source_system.clone(),
        subject: resource.metadata.subject.clone(),
        holder_type_field: code(&resource.holder_type_field),
        replaces_field: code(&resource.replaces_field),
        copy_of: resource.copy_of.as_ref().map(|copy_of| proto::CopyOf {
            resource_id: copy_of.resource_id.to_string(),
            original_field: copy_of.original_field.to_string(),
            purpose_field: code(&copy_of.purpose_field),
        }),
    }
}

fn field_to_proto(field: &Field) -> proto::Field {
    let (field_type, max_length, codes) = match &field.field_type {
        FieldType::Text { max_length } => (proto::FieldType::Text, *max_length, &[][..]),
        FieldType::Integer => (proto::FieldType::Integer, 0, &[][..]),
        FieldType::Decimal => (proto::FieldType::Decimal, 0, &[][..]),
        FieldType::Date => (proto::FieldType::Date, 0, &[][..]),
        FieldType::DateTime => (proto::FieldType::DateTime, 0, &[][..]),
        FieldType::Boolean => (proto::FieldType::Boolean, 0, &[][..]),
        FieldType::Uscc => (proto::FieldType::Uscc, 0, &[][..]),
        FieldType::CitizenId => (proto::FieldType::CitizenId, 0, &[][..]),
        FieldType::LicenceId => (proto::FieldType::LicenceId, 0, &[][..]),
        FieldType::Code(values) => (proto::FieldType::Code, 0, values.as_slice()),
        FieldType::AdministrativeDivision => (proto::FieldType::AdministrativeDivision, 0, &[][..]),
        FieldType::HolderCode => (proto::FieldType::HolderCode, 0, &[][..]),
        FieldType::Seal => (proto::FieldType::Seal, 0, &[][..]),
        FieldType::CodeTable(_) => (proto::FieldType::Code, 0, &[][..]),
    };
    let code_table = match &field.field_type {
        FieldType::CodeTable(reference) => Some(reference),
        _ => None,
    };
    proto::Field {
        code: field.code.to_string(),
        name: field.name.clone(),
        name_en: field.name_en.clone(),
        r#type: field_type as i32,
        max_length,
        codes: codes
            .iter()
            .map(|value| proto::CodeValue { code: value.code.clone(), name: value.name.clone() })
            .collect(),
        required: field.required,
        sharing_class: class_to_number(field.sharing_class),
        sensitive: field.sensitive,
        open_to_society: field.open_to_society,
        derivation: field.derivation.as_ref().map(|derivation| proto::Derivation {
            source_field: derivation.source_field.to_string(),
            rule: derivation.rule.to_string(),
        }),
        value_range: field.value_range.clone(),
        repeated: field.repeated,
        code_table: code_table.map(|reference| proto::CodeTableVersion {
            table_id: reference.table_id.to_string(),
            version: reference.version,
        }),
    }
}

/// How many bytes a resource's message has.
pub fn resource_len(resource: &Resource) -> usize {
    prost::Message::encoded_len(&resource_to_proto(resource))
}

/// The resource of a message. Whether it obeys the catalog's rules is for [`Resource::violations`] to say.
///
/// # Errors
/// Every field that is not well formed.
pub fn resource_from_proto(message: &proto::Resource) -> Result<Resource, Malformed> {
    let mut reading = Reading::default();
    let resource = read_resource(&mut reading, "", message);
    reading.finish(resource)
}

pub(super) fn read_resource(reading: &mut Reading, prefix: &str, message: &proto::Resource) -> Option<Resource> {
    let at = |field: &str| format!("{prefix}{field}");
    let resource_id = reading.name(at("resource_id"), &message.resource_id);
    let provider = reading.name(at("provider"), &message.provider);
    let kind = kind_from_number(message.kind).or_else(|| reading.fail(at("kind"), "is not a kind"));
    let sharing_class = class_from_number(message.sharing_class)
        .or_else(|| reading.fail(at("sharing_class"), "is not a sharing class"));
    let update_cycle =
        cycle_from_number(message.update_cycle).or_else(|| reading.fail(at("update_cycle"), "is not an update cycle"));
    let fields: Vec<_> = message
        .fields
        .iter()
        .enumerate()
        .map(|(i, field)| read_field(reading, &at(&format!("fields[{i}].")), field))
        .collect();
    let record_id_field = reading.name(at("record_id_field"), &message.record_id_field);
    let holder_field = reading.name(at("holder_field"), &message.holder_field);
    let valid_from_field = reading.optional_name(at("valid_from_field"), &message.valid_from_field);
    let valid_until_field = reading.optional_name(at("valid_until_field"), &message.valid_until_field);
    let metadata = read_metadata(reading, prefix, message);
    let holder_type_field = reading.optional_name(at("holder_type_field"), &message.holder_type_field);
    let replaces_field = reading.optional_name(at("replaces_field"), &message.replaces_field);
    let copy_of = message.copy_of.as_ref().map(|copy_of| {
        let resource_id = reading.name(at("copy_of.resource_id"), &copy_of.resource_id);
        let original_field = reading.name(at("copy_of.original_field"), &copy_of.original_field);
        let purpose_field = reading.optional_name(at("copy_of.purpose_field"), &copy_of.purpose_field);
        Some(CopyOf { resource_id: resource_id?, original_field: original_field?, purpose_field: purpose_field? })
    });
    Some(Resource {
        resource_id: resource_id?,
        name: message.name.clone(),
        name_en: message.name_en.clone(),
        provider: provider?,
        kind: kind?,
        national_code: message.national_code.clone(),
        summary: message.summary.clone(),
        sharing_class: sharing_class?,
        sharing_condition: message.sharing_condition.clone(),
        denial_basis: message.denial_basis.clone(),
        update_cycle: update_cycle?,
        fields: fields.into_iter().collect::<Option<_>>()?,
        record_id_field: record_id_field?,
        holder_field: holder_field?,
        valid_from_field: valid_from_field?,
        valid_until_field: valid_until_field?,
        metadata: metadata?,
        holder_type_field: holder_type_field?,
        replaces_field: replaces_field?,
        copy_of: copy_of.map_or(Some(None), |copy_of| copy_of.map(Some))?,
    })
}

fn read_metadata(reading: &mut Reading, prefix: &str, message: &proto::Resource) -> Option<Metadata> {
    let at = |field: &str| format!("{prefix}{field}");
    let format = stated(reading, at("format"), message.format, format_from_number);
    let share_method = stated(reading, at("share_method"), message.share_method, method_from_number);
    let data_grade = stated(reading, at("data_grade"), message.data_grade, grade_from_number);
    Some(Metadata {
        format: format?,
        share_method: share_method?,
        data_grade: data_grade?,
        opening_condition: message.opening_condition.clone(),
        related_codes: message.related_codes.clone(),
        source_system: message.source_system.clone(),
        subject: message.subject.clone(),
    })
}

/// What a number says that may be left unsaid, which is 0.
fn stated<T>(
    reading: &mut Reading,
    at: String,
    number: i32,
    from_number: impl FnOnce(i32) -> Option<T>,
) -> Option<Option<T>> {
    if number == 0 {
        return Some(None);
    }
    from_number(number).map(Some).or_else(|| reading.fail(at, "is none of the known values"))
}

fn read_field(reading: &mut Reading, prefix: &str, message: &proto::Field) -> Option<Field> {
    let at = |field: &str| format!("{prefix}{field}");
    let code = reading.name(at("code"), &message.code);
    let field_type = read_type(reading, &at("type"), message);
    let sharing_class = class_from_number(message.sharing_class)
        .or_else(|| reading.fail(at("sharing_class"), "is not a sharing class"));
    let derivation = match &message.derivation {
        None => Some(None),
        Some(derivation) => read_derivation(reading, &at("derivation."), derivation).map(Some),
    };
    Some(Field {
        code: code?,
        name: message.name.clone(),
        name_en: message.name_en.clone(),
        field_type: field_type?,
        required: message.required,
        repeated: message.repeated,
        sharing_class: sharing_class?,
        sensitive: message.sensitive,
        open_to_society: message.open_to_society,
        derivation: derivation?,
        value_range: message.value_range.clone(),
    })
}

fn read_type(reading: &mut Reading, at: &str, message: &proto::Field) -> Option<FieldType> {
    let field_type = proto::FieldType::try_from(message.r#type).unwrap_or(proto::FieldType::Unspecified);
    if field_type != proto::FieldType::Text && message.max_length != 0 {
        return reading.fail(at, "has a max_length, which only TEXT has");
    }
    if field_type != proto::FieldType::Code && !message.codes.is_empty() {
        return reading.fail(at, "has codes, which only CODE has");
    }
    if let Some(table) = &message.code_table {
        let reference = read_code_table_ref(reading, &at.replace("type", "code_table"), table);
        return match (field_type, message.codes.is_empty()) {
            (proto::FieldType::Code, true) => reference.map(FieldType::CodeTable),
            (proto::FieldType::Code, false) => reading.fail(at, "has codes and a code_table, where one is allowed"),
            _ => reading.fail(at, "has a code_table, which only CODE has"),
        };
    }
    Some(match field_type {
        proto::FieldType::Text => FieldType::Text { max_length: message.max_length },
        proto::FieldType::Integer => FieldType::Integer,
        proto::FieldType::Decimal => FieldType::Decimal,
        proto::FieldType::Date => FieldType::Date,
        proto::FieldType::DateTime => FieldType::DateTime,
        proto::FieldType::Boolean => FieldType::Boolean,
        proto::FieldType::Uscc => FieldType::Uscc,
        proto::FieldType::CitizenId => FieldType::CitizenId,
        proto::FieldType::LicenceId => FieldType::LicenceId,
        proto::FieldType::Code => FieldType::Code(
            message
                .codes
                .iter()
                .map(|value| CodeValue { code: value.code.clone(), name: value.name.clone() })
                .collect(),
        ),
        proto::FieldType::AdministrativeDivision => FieldType::AdministrativeDivision,
        proto::FieldType::HolderCode => FieldType::HolderCode,
        proto::FieldType::Seal => FieldType::Seal,
        proto::FieldType::Unspecified => return reading.fail(at, "is not a type"),
    })
}

fn read_derivation(reading: &mut Reading, prefix: &str, message: &proto::Derivation) -> Option<Derivation> {
    let source_field = reading.name(format_args!("{prefix}source_field"), &message.source_field);
    let rule = match DerivationRule::parse(&message.rule) {
        Ok(rule) => Some(rule),
        Err(error) => reading.fail(format_args!("{prefix}rule"), error.to_string()),
    };
    Some(Derivation { source_field: source_field?, rule: rule? })
}
