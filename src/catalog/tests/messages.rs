//! Every message of `lint`, in both languages, as a file that says it: `tests/vectors/catalog/messages.txt`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{super::*, GOOD, broken};
use crate::domain::catalog::CatalogRule;

/// The names of all problems, each with whether it is this one; the compiler sees to it that none is left out.
fn name(problem: &Problem) -> String {
    let name = match problem {
        Problem::FileTooLarge { .. } => "FileTooLarge",
        Problem::NotUtf8 => "NotUtf8",
        Problem::Empty => "Empty",
        Problem::Syntax(_) => "Syntax",
        Problem::UnknownKey { nearest: Some(_), .. } => "UnknownKey, one is near",
        Problem::UnknownKey { nearest: None, .. } => "UnknownKey, none is near",
        Problem::Missing { .. } => "Missing",
        Problem::ValueType { .. } => "ValueType",
        Problem::UnknownWord { nearest: Some(_), .. } => "UnknownWord, one is near",
        Problem::UnknownWord { nearest: None, .. } => "UnknownWord, none is near",
        Problem::Malformed { .. } => "Malformed",
        Problem::Uscc(_) => "Uscc",
        Problem::OfAnotherType { .. } => "OfAnotherType",
        Problem::Exclusive { .. } => "Exclusive",
        Problem::Repeated { .. } => "Repeated",
        Problem::ResourceTooLarge { .. } => "ResourceTooLarge",
        Problem::Secret => "Secret",
        Problem::Rule(rule) => return format!("Rule {rule:?}"),
    };
    name.to_owned()
}

/// The names that [`name`] gives, without those of the rules.
const NAMES: [&str; 17] = [
    "Empty",
    "Exclusive",
    "FileTooLarge",
    "Malformed",
    "Missing",
    "NotUtf8",
    "OfAnotherType",
    "Repeated",
    "ResourceTooLarge",
    "Secret",
    "Syntax",
    "UnknownKey, none is near",
    "UnknownKey, one is near",
    "UnknownWord, none is near",
    "UnknownWord, one is near",
    "Uscc",
    "ValueType",
];

/// Files that are wrong, each in another way.
fn wrong_files() -> Vec<Vec<u8>> {
    let long = "字".repeat(1_001);
    let related = (0..51).map(|number| format!("\"307001/{number}\"")).collect::<Vec<_>>().join(", ");
    let fields: String =
        (0..200).map(|n| format!("\n[[resource.field]]\ncode = \"F{n}\"\nname = \"{n}\"\ntype = \"DATE\"\n")).collect();
    let codes: String = (0..3_000).map(|n| format!("{{ code = \"{n}\", name = \"一个代码\" }},")).collect();
    let after_name = |line: &str| broken("name = \"营业执照\"", &format!("name = \"营业执照\"\n{line}"));
    let in_field =
        |line: &str| broken("max_length = 50\nsharing_class", &format!("max_length = 50\n{line}\nsharing_class"));
    let code_table = |version: &str, codes: &str| {
        format!("[[code_table]]\nid = \"gbt-2260\"\nversion = {version}\nname = \"行政区划\"\ncodes = [{codes}]\n")
    };
    let large: String = (0..45_000).map(|n| format!("{{ code = \"{n}\", name = \"一个代码\" }},")).collect();
    let texts = [
        code_table("0", "{ code = \"11\", name = \"北京市\" }"),
        code_table("1", ""),
        code_table("1", &large),
        code_table("1", "{ code = \" 11\", name = \"北京市\" }, { code = \"12\", name = \"\" }"),
        code_table("1", "{ code = \"11\", name = \"北京市\" }, { code = \"11\", name = \"北京\", parent = \"1\" }"),
        code_table("1", "{ code = \"11\", name = \"甲\", valid_from = \"2020-01-02\", valid_until = \"2020-01-01\" }"),
        code_table("1", "{ code = \"11\", name = \"甲\", valid_from = \"2020年\", province = \"是\" }"),
        code_table("1", "{ code = \"11\", name = \"北京市\" }").replace("gbt-2260", "GB/T 2260"),
        broken("codes = [", "table = \"gbt-2260\"\ncodes = ["),
        broken("codes = [", "table_version = 0\ncodes = ["),
        String::new(),
        "resource = 1".to_owned(),
        "resource = [1.5, true, [], 2026-01-01]".to_owned(),
        broken("name = \"营业执照\"", "name = "),
        broken("name = \"营业执照\"", "name = [1]"),
        broken("name = \"营业执照\"", "nam = \"营业执照\""),
        after_name("\"共享类型\" = \"有条件\""),
        broken("\"DAILY\"", "\"DALY\""),
        broken("\"DAILY\"", "\"每日\""),
        broken("\"LICENCE\"", "\"license\""),
        after_name("format = \"DATABSE\"\nshare_method = \"PLATFROM\"\ndata_grade = \"一般\"\nrelated_codes = [1]"),
        broken("samr.business-licence", "SAMR"),
        broken("valid_until = \"ZZYXQJZRQ\"", "valid_until = \"有效期\""),
        broken("13338W", "13338X"),
        broken("13338W", "13338"),
        broken("13338W", "1333IW"),
        broken("type = \"DATE\"", "type = \"DATE\"\nmax_length = 10"),
        broken("max_length = 50\nsharing_class", "max_length = -50\nsharing_class"),
        broken(
            "required = true\n\n[[resource.field]]\ncode = \"CZZTDM\"",
            "required = \"是\"\n\n[[resource.field]]\ncode = \"CZZTDM\"",
        ),
        format!("{GOOD}\n{GOOD}"),
        broken("codes = [", &format!("codes = [{codes}")),
        in_field("secret = true"),
        in_field("open_to_society = true"),
        broken("name = \"营业执照\"", "name = \" \""),
        after_name(&format!("summary = \"{long}\"")),
        after_name("national_code = \"30700/1\""),
        after_name(&format!("related_codes = [{related}]")),
        after_name("related_codes = [\"307001/1\", \"307001/1\"]"),
        broken("sharing_condition = \"办理事项\"", ""),
        broken("denial_basis = \"依据\"", ""),
        format!("{GOOD}{fields}"),
        broken("code = \"KZ_LX\"", "code = \"ZZBS\""),
        broken("name = \"类型\"", "name = \"证照标识\""),
        broken("\"NOT_SHARED\"", "\"UNCONDITIONAL\""),
        broken("max_length = 50\nsharing_class", "max_length = 20001\nsharing_class"),
        broken(r#"[{ code = "1", name = "有限责任公司" }]"#, "[]"),
        broken(
            r#"{ code = "1", name = "有限责任公司" }"#,
            r#"{ code = "1", name = "甲" }, { code = "1", name = "乙" }"#,
        ),
        broken("from = \"KZ_FDDBR\"", "from = \"KZ_FDDBR_MASKED\""),
        broken(
            "type = \"CODE\"\ncodes = [{ code = \"1\", name = \"有限责任公司\" }]",
            "type = \"DATE\"\nderived = { from = \"ZZBS\", rule = \"mask-nam\" }",
        ),
        broken(
            "type = \"CODE\"\ncodes = [{ code = \"1\", name = \"有限责任公司\" }]",
            "type = \"DATE\"\nderived = { from = \"ZZBS\", rule = \"mask-name\" }",
        ),
        broken("record_id = \"ZZBS\"", "record_id = \"ZZYXQJZRQ\""),
        broken("holder = \"CZZTDM\"", "holder = \"ZZBS\""),
        broken("holder = \"CZZTDM\"", "holder = \"CZZTDM\"\nholder_type = \"ZZBS\""),
        broken("type = \"USCC\"", "type = \"HOLDER_CODE\""),
        broken("type = \"LICENCE_ID\"", "type = \"HOLDER_CODE\""),
        broken("type = \"USCC\"", "type = \"USCC\"\nrepeated = true")
            .replace("valid_until = ", "holder_type = \"KZ_LX\"\nvalid_until = ")
            .replace("type = \"CODE\"", "type = \"CODE\"\nrequired = true"),
        broken("rule = \"mask-name\"", "rule = \"date-reached\""),
        in_field("repeated = true"),
        broken("holder = \"CZZTDM\"", "holder = \"CZZTDM\"\nreplaces = \"ZZBS\""),
        broken(
            "holder = \"CZZTDM\"",
            "holder = \"CZZTDM\"\ncopy_of = { resource = \"samr.business-licence\", original = \"CZZTDM\" }",
        ),
        broken("valid_until = \"ZZYXQJZRQ\"", "valid_until = \"ZZBS\""),
        broken("type = \"DATE\"", "type = \"SEAL\""),
    ];
    let mut files: Vec<_> = texts.into_iter().map(String::into_bytes).collect();
    files.push(b"[[resource]]\nname = \"\xb5\xa5\"".to_vec());
    files.push(vec![b'\n'; MAX_FILE_BYTES + 1]);
    files
}

#[test]
fn every_message_of_lint_stands_in_both_languages_in_a_file() {
    let mut messages: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in wrong_files() {
        let found = lint(&file);
        assert!(!found.is_empty(), "{}", String::from_utf8_lossy(&file));
        for Finding { problem, .. } in found {
            let (english, chinese, allowed) = (problem.english(), problem.chinese(), problem.allowed());
            assert!(!chinese.is_ascii(), "{problem:?} has no Chinese: {chinese}");
            let allowed = if allowed.is_empty() { allowed } else { format!("    [{allowed}]\n") };
            let message = format!("    {english}\n    {chinese}\n{allowed}");
            let known = messages.entry(name(&problem)).or_default();
            if !known.contains(&message) {
                known.push(message);
            }
        }
    }
    let rules = CatalogRule::ALL.iter().map(|rule| name(&Problem::Rule(*rule)));
    let named: BTreeSet<_> = NAMES.iter().map(|name| (*name).to_owned()).chain(rules).collect();
    assert_eq!(messages.keys().cloned().collect::<BTreeSet<_>>(), named, "a file for each, a name for each");

    let told = messages.iter().map(|(name, messages)| format!("{name}\n{}\n", messages.join("    --\n")));
    let advised = Advice::of(&parse(GOOD.as_bytes()).unwrap().resources[0]).unwrap();
    let advice = format!("Advice\n    {}\n    {}\n\n", advised.english(), advised.chinese());
    let told: String = std::iter::once(advice).chain(told).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/catalog/messages.txt");
    if std::env::var_os("HUTONG_WRITE_VECTORS").is_some() {
        std::fs::write(&path, &told).unwrap();
    }
    assert_eq!(told, std::fs::read_to_string(&path).unwrap(), "a message of lint is no longer as it was");
}
