mod messages;
mod plans;
mod shipped;
mod valid;
mod workbooks;

use std::sync::Arc;

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{
    words::{DATA_GRADES, FORMATS, KINDS, SHARE_METHODS, SHARING_CLASSES, UPDATE_CYCLES, Words},
    *,
};
use crate::domain::{
    catalog::{CodeTableRef, CodeValue, CopyOf, Derivation, Field, FieldType, Metadata, TableCode},
    derive::DerivationRule,
    identifier::Uscc,
};
use crate::examples;

const EXAMPLE: &str = include_str!("../../../deploy/examples/catalog.toml");

/// One resource in order, for the tables below to break.
const GOOD: &str = r#"[[resource]]
id = "samr.business-licence"
name = "营业执照"
provider = "11100000000013338W"
kind = "LICENCE"
sharing_class = "CONDITIONAL"
sharing_condition = "办理事项"
denial_basis = "依据"
update_cycle = "DAILY"
record_id = "ZZBS"
holder = "CZZTDM"
valid_until = "ZZYXQJZRQ"

[[resource.field]]
code = "ZZBS"
name = "证照标识"
type = "LICENCE_ID"
required = true

[[resource.field]]
code = "CZZTDM"
name = "统一社会信用代码"
type = "USCC"
required = true

[[resource.field]]
code = "ZZYXQJZRQ"
name = "有效期"
type = "DATE"

[[resource.field]]
code = "KZ_FDDBR"
name = "法定代表人"
type = "TEXT"
max_length = 50
sharing_class = "NOT_SHARED"

[[resource.field]]
code = "KZ_FDDBR_MASKED"
name = "法定代表人(脱敏)"
type = "TEXT"
max_length = 50
derived = { from = "KZ_FDDBR", rule = "mask-name" }

[[resource.field]]
code = "KZ_LX"
name = "类型"
type = "CODE"
codes = [{ code = "1", name = "有限责任公司" }]
"#;

/// The findings, one a line: place, path, English, what is allowed.
fn report(text: &str) -> Vec<String> {
    let line = |finding: Finding| {
        let Finding { line, column, path, problem } = finding;
        let allowed = problem.allowed();
        let allowed = if allowed.is_empty() { allowed } else { format!(" [{allowed}]") };
        format!("{line}:{column} {path}: {}{allowed}", problem.english())
    };
    lint(text.as_bytes()).into_iter().map(line).collect()
}

fn broken(from: &str, to: &str) -> String {
    assert_eq!(GOOD.matches(from).count(), 1, "{from} must stand once");
    GOOD.replacen(from, to, 1)
}

#[test]
fn the_example_catalog_is_in_order_and_names_the_departments_columns() {
    assert_eq!(report(EXAMPLE), Vec::<String>::new());
    let resources = parse(EXAMPLE.as_bytes()).unwrap().resources;
    assert_eq!(resources.len(), 3);
    for resource in &resources {
        assert_eq!(resource.provider.warnings(), [], "{}", resource.provider);
        assert!(resource.fields.iter().any(|field| field.sensitive || resource.resource_id.as_str() == "city.e-seal"));
    }
    assert_eq!(parse(render([], &resources).as_bytes()).unwrap().resources, resources);

    let tables = [&examples::BUSINESS_LICENCE_HEADER[..], &examples::REAL_ESTATE_CERTIFICATE_HEADER];
    let providers = [examples::market_regulation_department(), examples::real_estate_department()];
    for ((resource, header), provider) in resources.iter().zip(tables).zip(providers) {
        assert_eq!(resource.provider, provider.unwrap());
        let own = resource.fields.iter().filter(|field| field.derivation.is_none());
        assert_eq!(own.map(|field| field.name.as_str()).collect::<Vec<_>>(), header);
    }
}

#[test]
fn each_fault_is_found_at_its_place() {
    assert_eq!(report(GOOD), Vec::<String>::new());
    let table = [
        (
            r#""samr.business-licence""#,
            r#""SAMR""#,
            "2:6 resource[SAMR].id: is no well-formed resource id [[a-z][a-z0-9-]*(.[a-z][a-z0-9-]*)*, at most 128 characters]",
        ),
        (
            r#"name = "营业执照""#,
            r#"nam = "营业执照""#,
            "1:1 resource[samr.business-licence].name: name is missing|3:1 resource[samr.business-licence].nam: unknown key; is name meant? [id, name, name_en, provider, kind, national_code, summary, sharing_class, sharing_condition, denial_basis, update_cycle, format, share_method, data_grade, opening_condition, related_codes, source_system, subject, record_id, holder, valid_from, valid_until, holder_type, replaces, copy_of, field]",
        ),
        (r#"name = "营业执照""#, r#"name = " ""#, "3:8 resource[samr.business-licence].name: must not be empty"),
        (r#"name = "营业执照""#, "name = 7", "3:8 resource[samr.business-licence].name: is integer, expected a string"),
        (
            "13338W",
            "13338X",
            "4:12 resource[samr.business-licence].provider: unified social credit code: check character 18 does not fit, the others give 'W'",
        ),
        (
            "13338W",
            "13338",
            "4:12 resource[samr.business-licence].provider: unified social credit code has 17 characters, expected 18",
        ),
        (
            "13338W",
            "1333IW",
            "4:12 resource[samr.business-licence].provider: unified social credit code: character 17 is not a digit or an upper-case letter other than I, O, S, V, Z",
        ),
        (
            r#""LICENCE""#,
            r#""License""#,
            "5:8 resource[samr.business-licence].kind: unknown word; is LICENCE meant? [LICENCE, CERTIFICATE, E_SEAL, DATASET]",
        ),
        (
            r#""DAILY""#,
            r#""每日""#,
            "9:16 resource[samr.business-licence].update_cycle: unknown word [REAL_TIME, DAILY, WEEKLY, MONTHLY, QUARTERLY, HALF_YEARLY, YEARLY, OTHER]",
        ),
        (
            r#"sharing_condition = "办理事项""#,
            "",
            "1:1 resource[samr.business-licence].sharing_condition: is required where the sharing class is CONDITIONAL",
        ),
        (
            r#"denial_basis = "依据""#,
            r#"denial_basis = """#,
            "8:16 resource[samr.business-licence].denial_basis: is required where the resource or a field is NOT_SHARED",
        ),
        (
            r#"record_id = "ZZBS""#,
            r#"record_id = "ZZYXQJZRQ""#,
            "10:13 resource[samr.business-licence].record_id: must be a required field of type TEXT, USCC, CITIZEN_ID or LICENCE_ID",
        ),
        (
            r#"holder = "CZZTDM""#,
            r#"holder = "ZZBS""#,
            "11:10 resource[samr.business-licence].holder: must be a required field of type USCC, CITIZEN_ID or HOLDER_CODE",
        ),
        (
            r#"valid_until = "ZZYXQJZRQ""#,
            r#"valid_until = "ZZBS""#,
            "12:15 resource[samr.business-licence].valid_until: must be a field of type DATE",
        ),
        (
            r#"valid_until = "ZZYXQJZRQ""#,
            r#"valid_until = "有效期""#,
            "12:15 resource[samr.business-licence].valid_until: is no well-formed field code [[A-Za-z][A-Za-z0-9_]*, at most 64 characters]",
        ),
        (
            r#"code = "KZ_LX""#,
            r#"code = "ZZBS""#,
            "46:8 resource[samr.business-licence].field[ZZBS].code: stands twice",
        ),
        (
            r#"name = "类型""#,
            r#"name = "证照标识""#,
            "47:8 resource[samr.business-licence].field[KZ_LX].name: is also another field's name",
        ),
        (
            r#"type = "LICENCE_ID""#,
            r#"type = "LICENSE_ID""#,
            "17:8 resource[samr.business-licence].field[ZZBS].type: unknown word; is LICENCE_ID meant? [TEXT, INTEGER, DECIMAL, DATE, DATE_TIME, BOOLEAN, USCC, CITIZEN_ID, LICENCE_ID, CODE, ADMINISTRATIVE_DIVISION, HOLDER_CODE, SEAL]",
        ),
        (
            "\"TEXT\"\nmax_length = 50\nsharing_class",
            "\"TEXT\"\nsharing_class",
            "31:1 resource[samr.business-licence].field[KZ_FDDBR].max_length: must be 1 to 20000 for TEXT",
        ),
        (
            "max_length = 50\nsharing_class",
            "max_length = -50\nsharing_class",
            "35:14 resource[samr.business-licence].field[KZ_FDDBR].max_length: is integer, expected a whole number from 0 to 4294967295",
        ),
        (
            "type = \"DATE\"",
            "type = \"DATE\"\nmax_length = 10",
            "30:14 resource[samr.business-licence].field[ZZYXQJZRQ].max_length: goes with type TEXT, but the type is DATE",
        ),
        (
            "\"NOT_SHARED\"",
            "\"UNCONDITIONAL\"",
            "36:17 resource[samr.business-licence].field[KZ_FDDBR].sharing_class: is less strict than the resource's",
        ),
        (
            "from = \"KZ_FDDBR\"",
            "from = \"KZ_FDDBR_MASKED\"",
            "43:20 resource[samr.business-licence].field[KZ_FDDBR_MASKED].derived.from: must be a field of the resource that is not itself derived",
        ),
        (
            "mask-name",
            "maskname",
            "43:39 resource[samr.business-licence].field[KZ_FDDBR_MASKED].derived.rule: unknown word; is mask-name meant? [mask-name, mask-citizen-id, mask-phone, mask-address, mask-middle, age-at-least:<1 to 130>, date-reached, date-not-passed, sha-256, sm3]",
        ),
        (
            r#"[{ code = "1", name = "有限责任公司" }]"#,
            "[]",
            "49:9 resource[samr.business-licence].field[KZ_LX].codes: must not be empty for CODE",
        ),
        (
            r#"[{ code = "1", name = "有限责任公司" }]"#,
            r#"["1"]"#,
            "49:10 resource[samr.business-licence].field[KZ_LX].codes[1]: is string, expected a table",
        ),
        (
            r#"{ code = "1", name = "有限责任公司" }"#,
            r#"{ code = "1", name = "甲" }, { code = "1", name = "乙" }"#,
            "49:9 resource[samr.business-licence].field[KZ_LX].codes: has a code twice",
        ),
        (
            "required = true\n\n[[resource.field]]\ncode = \"CZZTDM\"",
            "required = \"是\"\n\n[[resource.field]]\ncode = \"CZZTDM\"",
            "18:12 resource[samr.business-licence].field[ZZBS].required: is string, expected true or false",
        ),
    ];
    for (from, to, expected) in table {
        assert_eq!(report(&broken(from, to)).join("|"), expected, "{from} → {to}");
    }
}

#[test]
fn all_faults_are_found_at_once() {
    let text = broken("13338W", "13338X").replace("\"DAILY\"", "\"DALY\"").replace("\"CODE\"", "\"CODES\"");
    let text = format!("{text}\n[[resourc]]\n\n{GOOD}");
    let places: Vec<_> = lint(text.as_bytes()).into_iter().map(|finding| (finding.line, finding.problem)).collect();
    let lines: Vec<usize> = places.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [4, 9, 48, 51, 54]);
    assert_eq!(places[4].1, Problem::Repeated { first: 2 });
    assert!(parse(text.as_bytes()).is_err());
}

#[test]
fn every_syntax_error_is_found_and_none_hides_what_else_is_wrong() {
    let text = broken("name = \"营业执照\"", "name = ").replace("\"CODE\"", "\"CODE").replace("\"DAILY\"", "\"DALY\"");
    let found = lint(text.as_bytes());
    let lines: Vec<usize> = found.iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [3, 9, 48], "{found:?}");
    assert!(matches!(found[0].problem, Problem::Syntax(_)) && matches!(found[2].problem, Problem::Syntax(_)));
}

#[test]
fn a_file_that_is_no_catalog_is_refused() {
    assert_eq!(report(""), ["1:1 : the file has neither a [[resource]] nor a [[code_table]]"]);
    assert_eq!(report("resource = 1"), ["1:12 resource: is integer, expected an array of tables"]);
    let gb18030 = b"[[resource]]\nname = \"\xb5\xa5\"";
    let found = lint(gb18030);
    assert_eq!((found[0].line, found[0].column, &found[0].problem), (2, 9, &Problem::NotUtf8));
    let large = vec![b'\n'; MAX_FILE_BYTES + 1];
    assert!(matches!(lint(&large)[0].problem, Problem::FileTooLarge { .. }));
}

#[test]
fn a_resource_that_no_entry_holds_is_found() {
    let mut resource = parse(GOOD.as_bytes()).unwrap().resources.remove(0);
    let FieldType::Code(codes) = &mut resource.fields[5].field_type else { panic!("KZ_LX is a code") };
    codes.extend((0..5_000).map(|number| CodeValue { code: format!("c{number}"), name: "一个代码".to_owned() }));
    let found = lint(render([], &[resource]).as_bytes());
    assert_eq!((found.len(), found[0].line, found[0].path.as_str()), (1, 1, "resource[samr.business-licence]"));
    assert!(matches!(found[0].problem, Problem::ResourceTooLarge { found } if found > MAX_RESOURCE_BYTES));
}

#[test]
fn every_key_is_explained() {
    let page = include_str!("../../../docs/catalog.md");
    let keys = [resource::RESOURCE_KEYS, resource::FIELD_KEYS, code_table::TABLE_KEYS, code_table::CODE_KEYS].concat();
    let missing: Vec<_> = keys.into_iter().filter(|key| !page.contains(&format!("\n| `{key}` |"))).collect();
    assert!(missing.is_empty(), "docs/catalog.md has no row for {missing:?}");
    for words in [words::FIELD_TYPES.iter().map(|(word, _)| *word).collect::<Vec<_>>(), DerivationRule::WORDS.to_vec()]
    {
        let missing: Vec<_> = words.into_iter().filter(|word| !page.contains(&format!("`{word}`"))).collect();
        assert!(missing.is_empty(), "docs/catalog.md does not tell {missing:?}");
    }
}

#[test]
fn places_are_told_in_characters() {
    let text = "一二\n三\n\n四五";
    for (offset, expected) in
        [(0, (1, 1)), (3, (1, 2)), (6, (1, 3)), (7, (2, 1)), (11, (3, 1)), (15, (4, 2)), (99, (4, 3))]
    {
        assert_eq!(position(text, offset), expected, "{offset}");
    }
}

#[test]
fn changes_are_told_line_by_line() {
    let current = Arc::new(parse(GOOD.as_bytes()).unwrap().resources.remove(0));
    let in_force = BTreeMap::from([(current.resource_id.clone(), (3, Arc::clone(&current)))]);
    assert_eq!(changes(&in_force, std::slice::from_ref(&current)), []);
    assert_eq!(changes(&BTreeMap::new(), std::slice::from_ref(&current))[0].version, 1);

    let text = broken("\"DAILY\"", "\"WEEKLY\"").replace("code = \"KZ_LX\"", "code = \"KZ_XX\"");
    let text = text.replacen("max_length = 50", "max_length = 60", 1);
    let found = changes(&in_force, &[Arc::new(parse(text.as_bytes()).unwrap().resources.remove(0))]);
    assert_eq!((found.len(), found[0].version), (1, 4));
    let lines: Vec<String> = found[0].differences.iter().map(ToString::to_string).collect();
    let field = |code| {
        format!(
            r#"{{ code = "{code}", name = "类型", type = "CODE", codes = [     {{ code = "1", name = "有限责任公司" }}, ] }}"#
        )
    };
    assert_eq!(
        lines,
        [
            r#"~ update_cycle: "DAILY" → "WEEKLY""#.to_owned(),
            "~ field[KZ_FDDBR].max_length: 50 → 60".to_owned(),
            format!("+ field[KZ_XX] = {}", field("KZ_XX")),
            format!("- field[KZ_LX] = {}", field("KZ_LX")),
        ]
    );

    let mut reordered = Resource::clone(&current);
    reordered.fields.swap(0, 1);
    let found = changes(&in_force, &[Arc::new(reordered)]);
    assert!(found[0].differences[0].to_string().starts_with("~ field: ZZBS, CZZTDM"), "{found:?}");
}

fn any_of<T: Copy + std::fmt::Debug + 'static>(words: Words<T>) -> impl Strategy<Value = T> {
    select(words.iter().map(|(_, value)| *value).collect::<Vec<_>>())
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,20}", "\\PC{0,20}", "[\"'\\\\\n\r\t 营业\u{0}\u{7f}]{0,12}"]
}

prop_compose! {
    fn any_field()(
        code in "[A-Za-z][A-Za-z0-9_]{0,20}",
        name in any_text(),
        name_en in any_text(),
        field_type in prop_oneof![
            any::<u32>().prop_map(|max_length| FieldType::Text { max_length }),
            select(vec![
                FieldType::Integer, FieldType::Decimal, FieldType::Date, FieldType::DateTime, FieldType::Boolean,
                FieldType::Uscc, FieldType::CitizenId, FieldType::LicenceId, FieldType::AdministrativeDivision,
                FieldType::HolderCode, FieldType::Seal,
            ]),
            vec((any_text(), any_text()), 0..4).prop_map(|codes| {
                FieldType::Code(codes.into_iter().map(|(code, name)| CodeValue { code, name }).collect())
            }),
            ("[a-z][a-z0-9-]{0,8}", 0u32..3).prop_map(|(id, version)| {
                FieldType::CodeTable(CodeTableRef { table_id: id.parse().unwrap(), version, table: None })
            }),
        ],
        flags in any::<(bool, bool, bool, bool)>(),
        sharing_class in any_of(SHARING_CLASSES),
        derivation in option::of((
            "[A-Za-z][A-Za-z0-9_]{0,20}",
            select(DerivationRule::ALL.to_vec()),
        )),
        value_range in any_text(),
    ) -> Field {
        Field {
            code: code.parse().unwrap(),
            name,
            name_en,
            field_type,
            required: flags.0,
            sharing_class,
            repeated: flags.3,
            sensitive: flags.1,
            open_to_society: flags.2,
            derivation: derivation.map(|(from, rule)| Derivation { source_field: from.parse().unwrap(), rule }),
            value_range,
        }
    }
}

prop_compose! {
    fn any_code_table()(
        id in "[a-z][a-z0-9-]{0,8}",
        version in 1u32..,
        name in any_text(),
        codes in vec((any_text(), any_text(), any_text(), option::of(0i64..40_000), option::of(0i64..40_000)), 0..4),
    ) -> CodeTable {
        let date = |days: Option<i64>| days.map(crate::domain::time::date_of_days);
        let code = |(code, name, parent, from, until)| TableCode {
            code, name, parent, valid_from: date(from), valid_until: date(until),
        };
        CodeTable::new(id.parse().unwrap(), version, name, codes.into_iter().map(code).collect())
    }
}

prop_compose! {
    fn any_metadata()(
        format in option::of(any_of(FORMATS)),
        share_method in option::of(any_of(SHARE_METHODS)),
        data_grade in option::of(any_of(DATA_GRADES)),
        texts in vec(any_text(), 3),
        related_codes in vec(any_text(), 0..3),
    ) -> Metadata {
        let [opening_condition, source_system, subject] = [0, 1, 2].map(|index: usize| texts[index].clone());
        Metadata { format, share_method, data_grade, opening_condition, related_codes, source_system, subject }
    }
}

prop_compose! {
    fn any_resource()(
        resource_id in "[a-z][a-z0-9-]{0,8}(\\.[a-z][a-z0-9-]{0,8}){0,2}",
        texts in vec(any_text(), 6),
        kind in any_of(KINDS),
        sharing_class in any_of(SHARING_CLASSES),
        update_cycle in any_of(UPDATE_CYCLES),
        fields in vec(any_field(), 0..5),
        codes in vec("[A-Za-z][A-Za-z0-9_]{0,20}", 6),
        validity in any::<(bool, bool, bool, bool)>(),
        metadata in any_metadata(),
    ) -> Resource {
        let code = |index: usize| codes[index].parse().unwrap();
        Resource {
            resource_id: resource_id.parse().unwrap(),
            name: texts[0].clone(),
            name_en: texts[1].clone(),
            provider: Uscc::complete("11440399X0000001").unwrap(),
            kind,
            national_code: texts[2].clone(),
            summary: texts[3].clone(),
            sharing_class,
            sharing_condition: texts[4].clone(),
            denial_basis: texts[5].clone(),
            update_cycle,
            fields,
            record_id_field: code(0),
            holder_field: code(1),
            valid_from_field: validity.0.then(|| code(2)),
            valid_until_field: validity.1.then(|| code(3)),
            metadata,
            holder_type_field: validity.2.then(|| code(4)),
            replaces_field: validity.3.then(|| code(5)),
            copy_of: validity.2.then(|| CopyOf {
                resource_id: "a.original".parse().unwrap(),
                original_field: code(5),
                purpose_field: validity.2.then(|| code(4)),
            }),
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_rendered_reads_back_the_same(
        code_tables in vec(any_code_table(), 0..3),
        resources in vec(any_resource(), 0..3),
    ) {
        let (read, findings) = read(render(&code_tables, &resources).as_bytes());
        prop_assert_eq!(&read, &Content { code_tables, resources });
        for finding in findings {
            prop_assert!(
                matches!(finding.problem, Problem::Rule(_) | Problem::Repeated { .. } | Problem::Empty),
                "{finding:?}"
            );
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}", cut in 0..GOOD.len()) {
        let _ = lint(text.as_bytes());
        let _ = lint(GOOD.as_bytes().get(..cut).unwrap());
    }
}
