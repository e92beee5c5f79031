//! Catalog entries as a file.

use toml::Value;

use super::words::{
    DATA_GRADES, FIELD_TYPES, FORMATS, KINDS, SHARE_METHODS, SHARING_CLASSES, TypeWord, UPDATE_CYCLES, Words, word,
};
use crate::domain::{
    catalog::{CodeTable, Field, FieldType, Resource, SharingClass},
    id::FieldCode,
};

/// A key of a catalog file and its value as TOML.
pub(super) type Line = (&'static str, String);

/// Writes entries and code tables as a catalog file that [`parse`](super::parse) reads back as the same.
pub fn render<'a>(
    code_tables: impl IntoIterator<Item = &'a CodeTable>,
    resources: impl IntoIterator<Item = &'a Resource>,
) -> String {
    let mut file = String::new();
    for code_table in code_tables {
        if !file.is_empty() {
            file.push('\n');
        }
        super::code_table::render(&mut file, code_table);
    }
    for resource in resources {
        if !file.is_empty() {
            file.push('\n');
        }
        table(&mut file, "[[resource]]", resource_lines(resource));
        for field in &resource.fields {
            file.push('\n');
            table(&mut file, "[[resource.field]]", field_lines(field, resource.sharing_class));
        }
    }
    file
}

pub(super) fn table(file: &mut String, header: &str, lines: Vec<Line>) {
    file.push_str(header);
    file.push('\n');
    for (key, value) in lines {
        file.push_str(&format!("{key} = {value}\n"));
    }
}

/// The lines of an entry itself; those that say nothing are left out.
pub(super) fn resource_lines(resource: &Resource) -> Vec<Line> {
    let code = |code: &Option<FieldCode>| code.as_ref().map(ToString::to_string).unwrap_or_default();
    let metadata = &resource.metadata;
    let lines = [
        ("id", resource.resource_id.to_string(), true),
        ("name", resource.name.clone(), true),
        ("name_en", resource.name_en.clone(), false),
        ("provider", resource.provider.to_string(), true),
        ("kind", word(KINDS, &resource.kind).to_owned(), true),
        ("national_code", resource.national_code.clone(), false),
        ("summary", resource.summary.clone(), false),
        ("sharing_class", word(SHARING_CLASSES, &resource.sharing_class).to_owned(), true),
        ("sharing_condition", resource.sharing_condition.clone(), false),
        ("denial_basis", resource.denial_basis.clone(), false),
        ("update_cycle", word(UPDATE_CYCLES, &resource.update_cycle).to_owned(), true),
        ("format", stated(FORMATS, &metadata.format), false),
        ("share_method", stated(SHARE_METHODS, &metadata.share_method), false),
        ("data_grade", stated(DATA_GRADES, &metadata.data_grade), false),
        ("opening_condition", metadata.opening_condition.clone(), false),
        ("source_system", metadata.source_system.clone(), false),
        ("subject", metadata.subject.clone(), false),
        ("record_id", resource.record_id_field.to_string(), true),
        ("holder", resource.holder_field.to_string(), true),
        ("valid_from", code(&resource.valid_from_field), false),
        ("valid_until", code(&resource.valid_until_field), false),
        ("holder_type", code(&resource.holder_type_field), false),
        ("replaces", code(&resource.replaces_field), false),
    ];
    let stated = lines.into_iter().filter(|(_, text, always)| *always || !text.is_empty());
    let mut lines: Vec<Line> = stated.map(|(key, text, _)| (key, quoted(text))).collect();
    if let Some(copy_of) = &resource.copy_of {
        let purpose = copy_of.purpose_field.as_ref().map(|code| format!(", purpose = {}", quoted(code.to_string())));
        let (of, original) = (quoted(copy_of.resource_id.to_string()), quoted(copy_of.original_field.to_string()));
        let purpose = purpose.unwrap_or_default();
        lines.push(("copy_of", format!("{{ resource = {of}, original = {original}{purpose} }}")));
    }
    if !metadata.related_codes.is_empty() {
        let codes: Vec<_> = metadata.related_codes.iter().cloned().map(quoted).collect();
        lines.push(("related_codes", format!("[{}]", codes.join(", "))));
    }
    lines
}

fn stated<T: PartialEq>(words: Words<T>, value: &Option<T>) -> String {
    value.as_ref().map_or("", |value| word(words, value)).to_owned()
}

/// The lines of a field of an entry of some sharing class; those that say what holds anyway are left out.
pub(super) fn field_lines(field: &Field, class: SharingClass) -> Vec<Line> {
    let mut lines = vec![("code", quoted(field.code.to_string())), ("name", quoted(field.name.clone()))];
    if !field.name_en.is_empty() {
        lines.push(("name_en", quoted(field.name_en.clone())));
    }
    lines.push(("type", quoted(word(FIELD_TYPES, &TypeWord::from(&field.field_type)).to_owned())));
    match &field.field_type {
        FieldType::Text { max_length } => lines.push(("max_length", max_length.to_string())),
        FieldType::Code(codes) => {
            let codes = codes.iter().map(|value| table_code_line(&value.code, &value.name, "", "", ""));
            lines.push(("codes", format!("[\n{}]", codes.collect::<String>())));
        }
        FieldType::CodeTable(reference) => {
            lines.push(("table", quoted(reference.table_id.to_string())));
            if reference.version > 0 {
                lines.push(("table_version", reference.version.to_string()));
            }
        }
        _ => {}
    }
    if field.sharing_class != class {
        lines.push(("sharing_class", quoted(word(SHARING_CLASSES, &field.sharing_class).to_owned())));
    }
    for (key, said) in [
        ("required", field.required),
        ("repeated", field.repeated),
        ("sensitive", field.sensitive),
        ("open_to_society", field.open_to_society),
    ] {
        if said {
            lines.push((key, "true".to_owned()));
        }
    }
    if !field.value_range.is_empty() {
        lines.push(("value_range", quoted(field.value_range.clone())));
    }
    if let Some(derivation) = &field.derivation {
        let from = quoted(derivation.source_field.to_string());
        lines.push(("derived", format!("{{ from = {from}, rule = {} }}", quoted(derivation.rule.to_string()))));
    }
    lines
}

/// The line of a code among others; what says nothing is left out.
pub(super) fn table_code_line(code: &str, name: &str, parent: &str, valid_from: &str, valid_until: &str) -> String {
    let more = [("parent", parent), ("valid_from", valid_from), ("valid_until", valid_until)];
    let more = more.into_iter().filter(|(_, text)| !text.is_empty());
    let more: String = more.map(|(key, text)| format!(", {key} = {}", quoted(text.to_owned()))).collect();
    format!("    {{ code = {}, name = {}{more} }},\n", quoted(code.to_owned()), quoted(name.to_owned()))
}

pub(super) fn quoted(text: String) -> String {
    Value::String(text).to_string()
}
