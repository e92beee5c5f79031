//! From a `[[resource]]` to a catalog entry.

use super::{
    Problem,
    table::{Reader, Table},
    words::{DATA_GRADES, FIELD_TYPES, FORMATS, KINDS, SHARE_METHODS, SHARING_CLASSES, TypeWord, UPDATE_CYCLES, word},
};
use crate::domain::{
    catalog::{
        CatalogRule, CodeTableRef, CodeValue, CopyOf, Derivation, Field, FieldType, Metadata, Resource, ResourceKind,
        SharingClass, UpdateCycle,
    },
    derive::DerivationRule,
    id::FieldCode,
    identifier::Uscc,
};

pub(super) const RESOURCE_KEYS: &[&str] = &[
    "id",
    "name",
    "name_en",
    "provider",
    "kind",
    "national_code",
    "summary",
    "sharing_class",
    "sharing_condition",
    "denial_basis",
    "update_cycle",
    "format",
    "share_method",
    "data_grade",
    "opening_condition",
    "related_codes",
    "source_system",
    "subject",
    "record_id",
    "holder",
    "valid_from",
    "valid_until",
    "holder_type",
    "replaces",
    "copy_of",
    "field",
];
pub(super) const FIELD_KEYS: &[&str] = &[
    "code",
    "name",
    "name_en",
    "type",
    "max_length",
    "codes",
    "table",
    "table_version",
    "required",
    "repeated",
    "sharing_class",
    "sensitive",
    "open_to_society",
    "secret",
    "value_range",
    "derived",
];
const CODE_KEYS: &[&str] = &["code", "name"];
const COPY_OF_KEYS: &[&str] = &["resource", "original", "purpose"];
const DERIVED_KEYS: &[&str] = &["from", "rule"];

/// Reads an entry. Where a part cannot be read, that is found and something harmless stands in its place, so that the
/// rest can be checked; whoever uses the entry makes sure that nothing was found.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<Resource> {
    reader.require_known(table, RESOURCE_KEYS);
    let resource_id = reader.required_name(table, "id");
    let provider = reader
        .required_text(table, "provider")
        .and_then(|text| reader.accept(table, "provider", Uscc::parse(text), Problem::Uscc));
    let sharing_class = reader.required_word(table, "sharing_class", SHARING_CLASSES);
    let sharing_class = sharing_class.unwrap_or(SharingClass::Unconditional);
    let field_tables = reader.tables(table, "field", "code");
    let fields = field_tables
        .iter()
        .enumerate()
        .filter_map(|(position, field)| read_field(reader, field, position, sharing_class))
        .collect();
    let resource = Resource {
        resource_id: resource_id.or_else(|| "unreadable".parse().ok())?,
        name: reader.required_text(table, "name").unwrap_or_default().to_owned(),
        name_en: reader.text(table, "name_en").unwrap_or_default().to_owned(),
        provider: provider.or_else(|| Uscc::complete("1100000000000000").ok())?,
        kind: reader.required_word(table, "kind", KINDS).unwrap_or(ResourceKind::Dataset),
        national_code: reader.text(table, "national_code").unwrap_or_default().to_owned(),
        summary: reader.text(table, "summary").unwrap_or_default().to_owned(),
        sharing_class,
        sharing_condition: reader.text(table, "sharing_condition").unwrap_or_default().to_owned(),
        denial_basis: reader.text(table, "denial_basis").unwrap_or_default().to_owned(),
        update_cycle: reader.required_word(table, "update_cycle", UPDATE_CYCLES).unwrap_or(UpdateCycle::Other),
        fields,
        record_id_field: reader.required_name(table, "record_id").or_else(|| placeholder(0))?,
        holder_field: reader.required_name(table, "holder").or_else(|| placeholder(0))?,
        valid_from_field: reader.name(table, "valid_from"),
        valid_until_field: reader.name(table, "valid_until"),
        metadata: read_metadata(reader, table),
        holder_type_field: reader.name(table, "holder_type"),
        replaces_field: reader.name(table, "replaces"),
        copy_of: reader.table(table, "copy_of").and_then(|copy_of| read_copy_of(reader, &copy_of)),
    };
    check_rules(reader, table, &field_tables, &resource);
    Some(resource)
}

fn read_copy_of(reader: &mut Reader, table: &Table<'_>) -> Option<CopyOf> {
    reader.require_known(table, COPY_OF_KEYS);
    let resource_id = reader.required_name(table, "resource");
    let original_field = reader.required_name(table, "original");
    let purpose_field = reader.name(table, "purpose");
    Some(CopyOf { resource_id: resource_id?, original_field: original_field?, purpose_field })
}

fn read_metadata(reader: &mut Reader, table: &Table<'_>) -> Metadata {
    Metadata {
        format: reader.word(table, "format", FORMATS),
        share_method: reader.word(table, "share_method", SHARE_METHODS),
        data_grade: reader.word(table, "data_grade", DATA_GRADES),
        opening_condition: reader.text(table, "opening_condition").unwrap_or_default().to_owned(),
        related_codes: reader.texts(table, "related_codes"),
        source_system: reader.text(table, "source_system").unwrap_or_default().to_owned(),
        subject: reader.text(table, "subject").unwrap_or_default().to_owned(),
    }
}

/// What stands for a code that cannot be read; differs from any other by its number.
fn placeholder(number: usize) -> Option<FieldCode> {
    format!("unreadable_{number}").parse().ok()
}

fn read_field(reader: &mut Reader, table: &Table<'_>, position: usize, class: SharingClass) -> Option<Field> {
    reader.require_known(table, FIELD_KEYS);
    if reader.flag(table, "secret") {
        reader.find(table.offset("secret"), table.path_of("secret"), Problem::Secret);
    }
    Some(Field {
        code: reader.required_name(table, "code").or_else(|| placeholder(position + 1))?,
        name: reader.required_text(table, "name").unwrap_or_default().to_owned(),
        name_en: reader.text(table, "name_en").unwrap_or_default().to_owned(),
        field_type: read_type(reader, table),
        required: reader.flag(table, "required"),
        repeated: reader.flag(table, "repeated"),
        sharing_class: reader.word(table, "sharing_class", SHARING_CLASSES).unwrap_or(class),
        sensitive: reader.flag(table, "sensitive"),
        open_to_society: reader.flag(table, "open_to_society"),
        derivation: reader.table(table, "derived").and_then(|derived| read_derivation(reader, &derived)),
        value_range: reader.text(table, "value_range").unwrap_or_default().to_owned(),
    })
}

fn read_type(reader: &mut Reader, table: &Table<'_>) -> FieldType {
    let type_word = reader.required_word(table, "type", FIELD_TYPES);
    let max_length = reader.number(table, "max_length");
    let codes = read_codes(reader, table);
    let code_table = read_code_table_ref(reader, table);
    for (key, goes_with, expected) in [
        ("max_length", TypeWord::Text, "TEXT"),
        ("codes", TypeWord::Code, "CODE"),
        ("table", TypeWord::Code, "CODE"),
        ("table_version", TypeWord::Code, "CODE"),
    ] {
        if let Some(found) = type_word.filter(|found| *found != goes_with && table.has(key)) {
            let found = word(FIELD_TYPES, &found);
            reader.find(table.offset(key), table.path_of(key), Problem::OfAnotherType { found, expected });
        }
    }
    match type_word {
        Some(TypeWord::Text) => FieldType::Text { max_length: max_length.unwrap_or_default() },
        Some(TypeWord::Integer) => FieldType::Integer,
        Some(TypeWord::Decimal) => FieldType::Decimal,
        Some(TypeWord::Date) => FieldType::Date,
        Some(TypeWord::DateTime) => FieldType::DateTime,
        Some(TypeWord::Boolean) => FieldType::Boolean,
        Some(TypeWord::Uscc) => FieldType::Uscc,
        Some(TypeWord::CitizenId) => FieldType::CitizenId,
        Some(TypeWord::LicenceId) => FieldType::LicenceId,
        Some(TypeWord::Code) => match code_table {
            Some(reference) => FieldType::CodeTable(reference),
            // A table that cannot be read is found already; its codes may be any.
            None if table.has("table") => FieldType::Text { max_length: 1 },
            None => FieldType::Code(codes),
        },
        Some(TypeWord::AdministrativeDivision) => FieldType::AdministrativeDivision,
        Some(TypeWord::HolderCode) => FieldType::HolderCode,
        Some(TypeWord::Seal) => FieldType::Seal,
        // An unreadable type may be meant for anything, and is found already.
        None => FieldType::Text { max_length: 1 },
    }
}

/// The version of a code table that a field follows: 0 where that is left to the time when the file is applied.
fn read_code_table_ref(reader: &mut Reader, table: &Table<'_>) -> Option<CodeTableRef> {
    let version = reader.number(table, "table_version");
    if version == Some(0) {
        reader.find(
            table.offset("table_version"),
            table.path_of("table_version"),
            Problem::Rule(CatalogRule::TableVersion),
        );
    }
    for (key, with) in [("codes", "table"), ("table_version", "codes")] {
        if table.has(key) && table.has(with) {
            reader.find(table.offset(key), table.path_of(key), Problem::Exclusive { with });
        }
    }
    if table.has("table_version") && !table.has("table") && !table.has("codes") {
        reader.find(table.offset("table"), table.path_of("table"), Problem::Missing { key: "table" });
    }
    let table_id = reader.name(table, "table")?;
    Some(CodeTableRef { table_id, version: version.unwrap_or_default(), table: None })
}

fn read_codes(reader: &mut Reader, table: &Table<'_>) -> Vec<CodeValue> {
    let mut codes = Vec::new();
    for code in reader.tables(table, "codes", "code") {
        reader.require_known(&code, CODE_KEYS);
        codes.push(CodeValue {
            code: reader.required_text(&code, "code").unwrap_or_default().to_owned(),
            name: reader.required_text(&code, "name").unwrap_or_default().to_owned(),
        });
    }
    codes
}

fn read_derivation(reader: &mut Reader, table: &Table<'_>) -> Option<Derivation> {
    reader.require_known(table, DERIVED_KEYS);
    let source_field = reader.required_name(table, "from");
    let rule = reader.required_text(table, "rule").and_then(|text| {
        let known = || DerivationRule::WORDS.into_iter();
        let nearest = super::nearest::nearest(text, known());
        reader.accept(table, "rule", DerivationRule::parse(text), |_| Problem::UnknownWord {
            nearest,
            known: known().collect(),
        })
    });
    Some(Derivation { source_field: source_field?, rule: rule? })
}

/// Finds the place of every rule of the catalog that is broken, unless what stands there was found to be wrong already.
fn check_rules(reader: &mut Reader, table: &Table<'_>, fields: &[Table<'_>], resource: &Resource) {
    let mut next = 0;
    for violation in resource.violations() {
        let (offset, path) = match field_part(&violation.path) {
            Some((code, part)) => {
                let Some(position) = position_of(resource, code, part, next) else { continue };
                next = position;
                let Some(field) = fields.get(position) else { continue };
                match part {
                    "derivation.source_field" | "derivation.rule" => {
                        let derived = field.table("derived").unwrap_or_else(|| field.clone());
                        let key = if part == "derivation.rule" { "rule" } else { "from" };
                        (derived.offset(key), derived.path_of(key))
                    }
                    part => (field.offset(part), field.path_of(part)),
                }
            }
            None => {
                let key = resource_key(&violation.path);
                if names_an_unreadable_field(reader, table, fields, key) {
                    continue;
                }
                (table.offset(key), table.path_of(key))
            }
        };
        let unreadable_member = path.ends_with("codes") && reader.has_faulty_member(&path);
        if !reader.is_faulty(offset, &path) && !unreadable_member {
            reader.find(offset, path, Problem::Rule(violation.rule));
        }
    }
}

/// Code and part of a path such as `fields[ZZBH].max_length`.
fn field_part(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("fields[")?.split_once("].")
}

/// Which field a violation means. Violations come in the order of the fields, from which it follows which of two fields
/// of one code is meant; that a code stands twice is never said of the first.
fn position_of(resource: &Resource, code: &str, part: &str, next: usize) -> Option<usize> {
    let fields = (0..).zip(&resource.fields).filter(|(_, field)| field.code.as_str() == code);
    let mut positions = fields.map(|(position, _)| position);
    if part == "code" { positions.skip(1).find(|position| *position > next) } else { positions.find(|p| *p >= next) }
}

/// The key in the file for a part of a resource.
fn resource_key(part: &str) -> &str {
    match part {
        "fields" => "field",
        "record_id_field" => "record_id",
        "holder_field" => "holder",
        "valid_from_field" => "valid_from",
        "valid_until_field" => "valid_until",
        "holder_type_field" => "holder_type",
        "replaces_field" => "replaces",
        part => part,
    }
}

/// Whether a key of the resource names a field that is not known to be of some type, or to be required, so that no rule
/// can tell whether it fits.
fn names_an_unreadable_field(reader: &Reader, table: &Table<'_>, fields: &[Table<'_>], key: &str) -> bool {
    let named = fields.iter().find(|field| field.raw("code").is_some() && field.raw("code") == table.raw(key));
    let faulty = |field: &Table<'_>, part| reader.is_faulty(field.offset(part), &field.path_of(part));
    named.is_some_and(|field| faulty(field, "type") || faulty(field, "required"))
}
