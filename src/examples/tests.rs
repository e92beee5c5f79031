use std::{collections::HashMap, io::Cursor};

use super::*;
use crate::tabular::{self, ColumnKind, Format, Row};

/// How a table is written, and its columns.
type Example = (fn(&mut Vec<u8>, &Options) -> io::Result<()>, &'static [&'static str]);

const TABLES: [Example; 2] = [
    (write_business_licences, &BUSINESS_LICENCE_HEADER),
    (write_real_estate_certificates, &REAL_ESTATE_CERTIFICATE_HEADER),
];

fn plain(rows: u64) -> Options {
    Options { rows, seed: 7, encoding: Encoding::Utf8, excel_mangled: false, with_errors: 0 }
}

fn kind(name: &str) -> ColumnKind {
    match name {
        "证照标识" => ColumnKind::LicenceId,
        "统一社会信用代码" => ColumnKind::Uscc,
        name if name.ends_with("证件号") => ColumnKind::CitizenId,
        name if name.starts_with("注册资本") || name.starts_with("面积") => ColumnKind::Decimal,
        name if name.contains("日期") || name.contains("期限") => ColumnKind::Date,
        _ => ColumnKind::Text { max_chars: 500 },
    }
}

fn bytes((write, _): Example, options: &Options) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes, options).unwrap();
    bytes
}

fn rows(table: Example, options: &Options) -> Vec<Row> {
    let bytes = bytes(table, options);
    let column = |name: &str| tabular::Column {
        code: name.to_owned(),
        names: Vec::new(),
        kind: kind(name),
        required: true,
        repeated: false,
    };
    let columns = table.1.iter().map(|name| column(name)).collect();
    let rows = tabular::read(Cursor::new(bytes), Format::Delimited, columns, &tabular::Options::default());
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn every_row_passes_every_check() {
    for table in TABLES {
        let rows = rows(table, &plain(300));
        assert_eq!(rows.len(), 300);
        for row in &rows {
            assert_eq!(row.violations(), []);
        }
    }
}

#[test]
fn one_seed_gives_one_table_and_another_seed_another() {
    for table in TABLES {
        assert_eq!(bytes(table, &plain(50)), bytes(table, &plain(50)));
        assert_ne!(bytes(table, &plain(50)), bytes(table, &Options { seed: 8, ..plain(50) }));
    }
}

#[test]
fn the_first_rows_do_not_depend_on_how_many_follow() {
    for table in TABLES {
        assert!(bytes(table, &plain(50)).starts_with(&bytes(table, &plain(20))));
    }
}

#[test]
fn encoding_and_mangling_leave_the_values_as_they_are() {
    for table in TABLES {
        let values = |options: &Options| rows(table, options).iter().map(Row::canonical_bytes).collect::<Vec<_>>();
        let expected = values(&plain(60));
        for encoding in [Encoding::Utf8, Encoding::Utf8Bom, Encoding::Gb18030] {
            let mangled = Options { encoding, excel_mangled: true, ..plain(60) };
            assert_eq!(values(&mangled), expected, "{encoding:?}");
            assert_ne!(bytes(table, &mangled), bytes(table, &Options { encoding, ..plain(60) }));
        }
    }
}

#[test]
fn as_many_rows_are_faulty_as_asked_for() {
    for table in TABLES {
        for excel_mangled in [false, true] {
            for faults in [0, 1, 8, 100] {
                let rows = rows(table, &Options { with_errors: faults, excel_mangled, ..plain(100) });
                let faulty = rows.iter().filter(|row| !row.violations().is_empty()).count();
                assert_eq!((rows.len(), faulty), (100, faults as usize));
            }
        }
    }
}

#[test]
fn codes_are_distinct_and_people_recur_in_both_tables() {
    let count = |table: Example, field: &str| {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for row in rows(table, &plain(1000)) {
            *counts.entry(row.get(field).unwrap().as_str().unwrap().to_owned()).or_default() += 1;
        }
        counts
    };
    assert_eq!(count(TABLES[0], "统一社会信用代码").len(), 1000);
    assert_eq!(count(TABLES[0], "证照标识").len(), 1000);
    let heads = count(TABLES[0], "法定代表人证件号");
    let owners = count(TABLES[1], "权利人证件号");
    assert!(heads.values().any(|&licences| licences > 1));
    assert!(owners.keys().any(|owner| heads.contains_key(owner)));
}

#[test]
fn a_business_licence_is_about_one_kibibyte() {
    let bytes = bytes(TABLES[0], &plain(200)).len() / 200;
    assert!((700..1300).contains(&bytes), "{bytes}");
}

#[test]
fn the_samples_in_the_package_are_what_their_commands_give() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/examples");
    let sample = |rows, encoding| Options { rows, encoding, ..plain(0) };
    let samples = [
        ("business-licences.csv", TABLES[0], sample(1000, Encoding::Utf8Bom)),
        ("business-licences-gb18030.csv", TABLES[0], Options { excel_mangled: true, ..sample(50, Encoding::Gb18030) }),
        ("real-estate-certificates.csv", TABLES[1], sample(200, Encoding::Utf8Bom)),
    ];
    for (name, table, options) in samples {
        assert!(std::fs::read(folder.join(name)).unwrap() == bytes(table, &options), "{name}");
    }
}
