//! The code tables that come with the program.

use super::super::*;
use crate::domain::identifier::{AdministrativeDivision, DivisionLevel, HolderCodeType};

fn table(file: &str) -> CodeTable {
    let content = parse(file.as_bytes()).unwrap_or_else(|findings| panic!("{findings:?}"));
    assert!(content.resources.is_empty());
    content.code_tables.into_iter().next().unwrap()
}

#[test]
fn the_kinds_of_holders_identifiers_are_those_of_the_standard() {
    let table = table(include_str!("../../../deploy/code-tables/holder-code-types.toml"));
    let codes: Vec<_> = table.codes().iter().map(|code| (code.code.as_str(), code.name.as_str())).collect();
    assert_eq!(codes, HolderCodeType::CODES);
}

#[test]
fn the_provinces_are_all_34() {
    let table = table(include_str!("../../../deploy/code-tables/provinces.toml"));
    assert_eq!(table.codes().len(), 34);
    for code in table.codes() {
        let division = AdministrativeDivision::parse(&code.code).unwrap();
        assert_eq!(division.level(), DivisionLevel::Province, "{}", code.name);
    }
}

#[test]
fn the_example_of_licence_types_has_codes_of_their_form() {
    let table = table(include_str!("../../../deploy/code-tables/licence-types.toml"));
    for code in table.codes() {
        let (definer, number) = code.code.split_at(18);
        assert!(crate::domain::identifier::Uscc::parse(definer).is_ok(), "{definer}");
        assert!(number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit()), "{number}");
    }
}
