//! Random catalogs that are in order.

use std::sync::Arc;

use proptest::{
    collection::{btree_map, btree_set, vec},
    option,
    prelude::*,
    sample::{select, subsequence},
};

use super::super::{
    Content,
    plan::InForce,
    words::{DATA_GRADES, FORMATS, KINDS, SHARE_METHODS, UPDATE_CYCLES},
};
use crate::domain::{
    catalog::{
        CodeTable, CodeTableRef, CodeValue, Derivation, Field, FieldType, Metadata, Resource, ResourceKind,
        SharingClass, TableCode,
    },
    derive::DerivationRule,
    identifier::Uscc,
    time::date_of_days,
};

/// The code table that random resources follow.
const TABLE: &str = "types";

fn provider() -> Uscc {
    Uscc::complete("11440399X0000001").unwrap()
}

/// A name: not empty, whatever else a text is.
fn named(text: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    text.prop_map(|text| format!("名{text}"))
}

fn of_type() -> impl Strategy<Value = FieldType> {
    prop_oneof![
        (1u32..=20_000).prop_map(|max_length| FieldType::Text { max_length }),
        select(vec![
            FieldType::Integer,
            FieldType::Decimal,
            FieldType::Date,
            FieldType::DateTime,
            FieldType::Boolean,
            FieldType::Uscc,
            FieldType::CitizenId,
            FieldType::LicenceId,
            FieldType::AdministrativeDivision,
        ]),
        btree_map("[0-9A-Za-z]{1,4}", "[ -~一-三]{1,6}", 1..4).prop_map(|codes| {
            FieldType::Code(
                codes.into_iter().map(|(code, name)| CodeValue { code, name: format!("值{}", name.trim()) }).collect(),
            )
        }),
        Just(FieldType::CodeTable(CodeTableRef { table_id: TABLE.parse().unwrap(), version: 1, table: None })),
    ]
}

fn field(code: &str, name: &str, field_type: FieldType) -> Field {
    Field {
        code: code.parse().unwrap(),
        name: name.to_owned(),
        name_en: String::new(),
        field_type,
        required: false,
        repeated: false,
        sharing_class: SharingClass::Unconditional,
        sensitive: false,
        open_to_society: false,
        derivation: None,
        value_range: String::new(),
    }
}

prop_compose! {
    fn any_field(text: BoxedStrategy<String>)(
        name_en in text.clone(),
        field_type in of_type(),
        flags in any::<(bool, bool, bool, bool)>(),
        sharing_class in select(vec![SharingClass::Unconditional, SharingClass::Conditional, SharingClass::NotShared]),
        value_range in text.clone(),
        name in named(text),
    ) -> Field {
        Field {
            name_en,
            required: flags.0,
            repeated: flags.1,
            sensitive: flags.2,
            open_to_society: flags.3,
            sharing_class,
            value_range,
            ..field("X", &name, field_type)
        }
    }
}

prop_compose! {
    fn any_metadata(text: BoxedStrategy<String>)(
        format in option::of(select(FORMATS.iter().map(|(_, value)| *value).collect::<Vec<_>>())),
        share_method in option::of(select(SHARE_METHODS.iter().map(|(_, value)| *value).collect::<Vec<_>>())),
        data_grade in option::of(select(DATA_GRADES.iter().map(|(_, value)| *value).collect::<Vec<_>>())),
        texts in vec(text, 3),
        related in btree_set(100_000u32..999_999, 0..3),
    ) -> Metadata {
        let [opening_condition, source_system, subject] = [0, 1, 2].map(|index: usize| texts[index].clone());
        let related_codes = related.into_iter().map(|number| format!("307001/{number}")).collect();
        Metadata { format, share_method, data_grade, opening_condition, related_codes, source_system, subject }
    }
}

prop_compose! {
    /// A resource with a text to choose from for all that is free.
    fn any_resource(text: BoxedStrategy<String>)(
        name in named(text.clone()),
        texts in vec(text.clone(), 4),
        kind in select(KINDS.iter().map(|(_, kind)| *kind).filter(|kind| *kind != ResourceKind::ESeal).collect::<Vec<_>>()),
        sharing_class in select(vec![SharingClass::Unconditional, SharingClass::Conditional, SharingClass::NotShared]),
        update_cycle in select(UPDATE_CYCLES.iter().map(|(_, cycle)| *cycle).collect::<Vec<_>>()),
        named_by in select(vec![FieldType::Text { max_length: 64 }, FieldType::LicenceId, FieldType::Uscc]),
        held_by in select(vec![FieldType::Uscc, FieldType::CitizenId]),
        more in vec(any_field(text.clone()), 0..6),
        roles in any::<(bool, bool, bool)>(),
        order in subsequence((0..20usize).collect::<Vec<_>>(), 0..20),
        metadata in any_metadata(text),
    ) -> Resource {
        let mut fields = vec![
            Field { required: true, ..field("ZZBS", "证照标识", named_by.clone()) },
            Field { required: true, ..field("CZZTDM", "持证主体代码", held_by) },
            field("FROM", "有效期起始日期", FieldType::Date),
            field("UNTIL", "有效期截止日期", FieldType::Date),
            field("OLD", "被替换证照标识", named_by),
            field("KZ_T", "法定代表人", FieldType::Text { max_length: 50 }),
            Field {
                derivation: Some(Derivation {
                    source_field: "KZ_T".parse().unwrap(),
                    rule: DerivationRule::MaskName,
                }),
                ..field("KZ_T_MASKED", "法定代表人(脱敏)", FieldType::Text { max_length: 50 })
            },
        ];
        for (number, mut own) in more.into_iter().enumerate() {
            own.code = format!("KZ_{number}").parse().unwrap();
            own.name = format!("{}{number}", own.name);
            fields.push(own);
        }
        for own in &mut fields {
            own.sharing_class = own.sharing_class.max(sharing_class);
            own.open_to_society &= own.sharing_class != SharingClass::NotShared;
        }
        // Another order, the same fields.
        for position in order {
            let length = fields.len();
            fields.swap(position % length, length - 1);
        }
        let role = |has: bool, code: &str| has.then(|| code.parse().unwrap());
        Resource {
            resource_id: "a".parse().unwrap(),
            name,
            name_en: texts[0].clone(),
            provider: provider(),
            kind,
            national_code: if roles.0 { "307001001/000001".to_owned() } else { String::new() },
            summary: texts[1].clone(),
            sharing_class,
            sharing_condition: format!("条件{}", texts[2]),
            denial_basis: format!("依据{}", texts[3]),
            update_cycle,
            fields,
            record_id_field: "ZZBS".parse().unwrap(),
            holder_field: "CZZTDM".parse().unwrap(),
            valid_from_field: role(roles.1, "FROM"),
            valid_until_field: role(roles.1, "UNTIL"),
            metadata,
            holder_type_field: None,
            replaces_field: role(roles.2, "OLD"),
            copy_of: None,
        }
    }
}

prop_compose! {
    fn any_table(text: BoxedStrategy<String>)(
        name in named(text.clone()),
        codes in btree_map("[0-9A-Za-z]{1,6}", (named(text), option::of(0i64..20_000), option::of(20_000i64..40_000)), 1..5),
        has_parents in any::<bool>(),
    ) -> CodeTable {
        let date = |days: Option<i64>| days.map(date_of_days);
        let mut parent = String::new();
        let codes = codes.into_iter().map(|(code, (name, from, until))| {
            let parent = if has_parents { std::mem::replace(&mut parent, code.clone()) } else { String::new() };
            TableCode { code, name, parent, valid_from: date(from), valid_until: date(until) }
        });
        CodeTable::new(TABLE.parse().unwrap(), 1, name, codes.collect())
    }
}

/// A catalog in order whose free texts are such: a code table, and resources that may follow it.
pub(super) fn any_content(text: BoxedStrategy<String>) -> impl Strategy<Value = Content> {
    (
        any_table(text.clone()),
        btree_map("[a-c]|[a-z][a-z0-9-]{0,8}(\\.[a-z][a-z0-9-]{0,8}){0,2}", any_resource(text), 0..4),
    )
        .prop_map(|(table, resources)| {
            let named = |(id, resource): (String, Resource)| Resource { resource_id: id.parse().unwrap(), ..resource };
            Content { code_tables: vec![table], resources: resources.into_iter().map(named).collect() }
        })
}

/// A catalog in force in its first version.
pub(super) fn in_force(content: Content) -> InForce {
    let code_tables = content.code_tables.into_iter();
    let code_tables: std::collections::BTreeMap<_, _> =
        code_tables.map(|table| ((table.table_id().clone(), table.version()), Arc::new(table))).collect();
    let find = |own: &CodeTableRef| code_tables.get(&(own.table_id.clone(), own.version)).cloned();
    let complete = |resource: Resource| {
        let resource = Arc::new(resource).with_code_tables(find).unwrap();
        (resource.resource_id.clone(), (1, resource))
    };
    InForce {
        version: 1,
        resources: content.resources.into_iter().map(complete).collect(),
        departments: [(provider(), "样例市市场监督管理局".to_owned())].into(),
        code_tables,
    }
}
