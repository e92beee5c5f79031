//! Workbooks: as they are written, as departments keep them, and as they are wrong.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rust_xlsxwriter::{Format, Workbook, Worksheet};

use super::{
    super::{resource, *},
    valid::any_content,
};
use crate::domain::catalog::{DataGrade, FieldType, SharingClass, UpdateCycle};

/// Texts as cells keep them.
fn cell_text() -> impl Strategy<Value = String> {
    "[ -~一二三，。＝（）\n\"']{0,12}".prop_map(|text| text.trim().to_owned())
}

proptest! {
    // A workbook takes some ten times as long as a catalog file.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_written_as_a_workbook_reads_back_as_the_same_catalog(content in any_content(cell_text().boxed())) {
        let imported = from_workbook(&to_workbook(&content).unwrap()).unwrap();
        prop_assert_eq!(&imported.findings, &[]);
        prop_assert_eq!(&imported.passed_over, &[]);
        prop_assert_eq!(parse(imported.file.as_bytes()).unwrap(), content);
    }

    #[test]
    fn a_damaged_workbook_is_read_or_refused(
        content in any_content(Just(String::new()).boxed()),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = to_workbook(&content).unwrap();
        let _ = from_workbook(&bytes[..cut.index(bytes.len())]);
        for (position, byte) in flips {
            let position = position.index(bytes.len());
            bytes[position] ^= byte;
        }
        let _ = from_workbook(&bytes);
    }
}

/// Whatever a catalog file says, some column says.
#[test]
fn every_key_of_a_catalog_file_has_a_column() {
    let columns = workbook::columns();
    let known =
        |keys: &[&str]| keys.iter().filter(|key| !columns.contains(*key)).map(|key| (*key).to_owned()).collect();
    let unknown: BTreeSet<String> = known(resource::RESOURCE_KEYS);
    // What copies are made of stands in three columns.
    assert_eq!(unknown, ["copy_of", "field"].map(str::to_owned).into());
    let unknown: BTreeSet<String> = known(resource::FIELD_KEYS);
    // A table and its version stand in the column of codes, a derivation in two columns.
    assert_eq!(unknown, ["derived", "table", "table_version"].map(str::to_owned).into());
    assert!(
        ["copy_of.resource", "copy_of.original", "copy_of.purpose", "derived.from", "derived.rule"]
            .iter()
            .all(|key| columns.contains(key))
    );
}

/// The columns of the guide, by heading above and heading below.
const GUIDE: [(&str, &str); 17] = [
    ("序号", ""),
    ("信息资源名称*", ""),
    ("信息资源代码", ""),
    ("信息资源提供方", ""),
    ("提供方代码\n（统一社会信用代码）", ""),
    ("信息资源摘要", ""),
    ("信息资源格式", ""),
    ("信息项信息", "信息项名称"),
    ("", "数据类型"),
    ("", "数据长度"),
    ("", "技术名称"),
    ("共享属性", "共享类型"),
    ("", "共享条件"),
    ("", "共享方式"),
    ("更新周期", ""),
    ("数据分级", ""),
    ("联系电话", ""),
];

const ROWS: [[&str; 17]; 4] = [
    [
        "1",
        "营业执照",
        "307001001/000001",
        "样例市市场监督管理局",
        "11440399X00000019A",
        "照面信息",
        "3 数据库",
        "证照标识",
        "证照标识",
        "",
        "ZZBS",
        "无条件共享",
        "办理事项",
        "共享平台方式",
        "每日",
        "一般",
        "0755-00000000",
    ],
    [
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "统一社会信用代码",
        "统一社会信用代码",
        "18",
        "CZZTDM",
        "无条件共享",
        "",
        "",
        "",
        "",
        "",
    ],
    ["", "", "", "", "", "", "", "法定代表人", "字符型C", "50", "KZ_FDDBR", "有条件共享", "", "", "", "", ""],
    [
        "2",
        "公示信息",
        "307001001/000002",
        "样例市市场监督管理局",
        "11440399X00000019A",
        "",
        "数据库",
        "成立日期",
        "日期型D",
        "10",
        "KZ_CLRQ",
        "1",
        "",
        "",
        "实时",
        "重要数据",
        "",
    ],
];

/// The template of the guide as a city may keep it: a title, headings over two rows, cells of a resource merged or left empty;
/// some cells written otherwise.
fn guide(changed: &[(u32, u16, &str)], merged: bool) -> Vec<u8> {
    let (mut workbook, format) = (Workbook::new(), Format::new());
    let sheet = workbook.add_worksheet().set_name("数据目录").unwrap();
    sheet.write_string(0, 0, "样例市政务信息资源目录").unwrap();
    for (column, (above, below)) in (0..).zip(GUIDE) {
        sheet.write_string(1, column, above).unwrap();
        sheet.write_string(2, column, below).unwrap();
        if below.is_empty() && merged {
            sheet.merge_range(1, column, 2, column, above, &format).unwrap();
        }
    }
    for (row, cells) in (3..).zip(ROWS) {
        for (column, text) in (0..).zip(cells) {
            let other = changed.iter().find(|(of, at, _)| (*of, *at) == (row, column));
            sheet.write_string(row, column, other.map_or(text, |(.., text)| text)).unwrap();
        }
    }
    if merged {
        for column in (0..7).chain(12..16) {
            let text = ROWS[0][usize::from(column)];
            let other = changed.iter().find(|(of, at, _)| (*of, *at) == (3, column));
            sheet.merge_range(3, column, 5, column, other.map_or(text, |(.., text)| text), &format).unwrap();
        }
    }
    workbook.save_to_buffer().unwrap()
}

#[test]
fn the_guides_template_is_read_with_merged_cells_or_with_empty_ones() {
    for merged in [false, true] {
        let imported = from_workbook(&guide(&[], merged)).unwrap();
        let passed_over: Vec<_> =
            imported.passed_over.iter().map(|own| (own.cell.as_str(), own.column.as_str())).collect();
        assert_eq!(passed_over, [("Q3", "联系电话")]);
        let (content, _) = read(imported.file.as_bytes());
        let [licence, other] = &content.resources[..] else { panic!("two resources: {}", imported.file) };
        assert_eq!((licence.resource_id.as_str(), licence.name.as_str()), ("n307001001-000001", "营业执照"));
        assert_eq!(licence.provider.as_str(), "11440399X00000019A");
        assert_eq!((licence.update_cycle, licence.metadata.data_grade), (UpdateCycle::Daily, Some(DataGrade::General)));
        assert_eq!(licence.sharing_condition, "办理事项");
        // One column for the classes of all fields: none becomes looser than it was.
        assert_eq!(licence.sharing_class, SharingClass::Unconditional);
        let fields: Vec<_> =
            licence.fields.iter().map(|own| (own.code.as_str(), &own.field_type, own.sharing_class)).collect();
        assert_eq!(
            fields,
            [
                ("ZZBS", &FieldType::LicenceId, SharingClass::Unconditional),
                ("CZZTDM", &FieldType::Uscc, SharingClass::Unconditional),
                ("KZ_FDDBR", &FieldType::Text { max_length: 50 }, SharingClass::Conditional),
            ]
        );
        assert_eq!(other.update_cycle, UpdateCycle::RealTime);
        // What the guide has no column for is told where the rows are.
        let told: BTreeSet<_> = imported.findings.iter().map(told).collect();
        let lacking = |cell: &str, column: &str, key: &str| format!("{cell} {column} {key} is missing");
        let expected: BTreeSet<String> =
            [("H4", "资源类型", "kind"), ("H4", "主键", "record_id"), ("H4", "持证主体", "holder")]
                .into_iter()
                .flat_map(|(cell, column, key)| {
                    [lacking(cell, column, key), lacking(&cell.replace('4', "7"), column, key)]
                })
                .collect();
        assert!(expected.is_subset(&told), "{told:#?}");
    }
}

#[test]
fn a_stricter_first_row_is_not_loosened_by_the_others() {
    let imported = from_workbook(&guide(&[(3, 11, "有条件共享"), (5, 11, "")], false)).unwrap();
    let (content, _) = read(imported.file.as_bytes());
    let classes: Vec<_> = content.resources[0].fields.iter().map(|field| field.sharing_class).collect();
    use SharingClass::{Conditional, Unconditional};
    // An empty cell says what the one above says.
    assert_eq!(classes, [Conditional, Unconditional, Unconditional]);
    assert_eq!(content.resources[0].sharing_class, Unconditional);
}

fn told(fault: &WorkbookFault) -> String {
    assert!(!fault.fault.chinese().is_ascii(), "{fault:?}");
    format!("{} {} {}", fault.cell, fault.column, fault.fault.english())
}

#[test]
fn everything_that_is_wrong_is_told_at_once_by_cell_and_column() {
    let changed = [
        (3, 4, "11440399X00000019B"),
        (3, 6, "纸质"),
        (4, 1, "营业执照正本"),
        (5, 8, "字符集"),
        (5, 9, "五十"),
        (6, 7, ""),
    ];
    let faults: Vec<_> = from_workbook(&guide(&changed, false)).unwrap_err().iter().map(told).collect();
    for expected in [
        "E4 提供方代码 unified social credit code: check character 18 does not fit, the others give 'A'",
        "G4 信息资源格式 unknown word; allowed: 电子文件 电子表格 数据库 图形图像 流媒体 自描述格式 服务接口",
        "I6 数据类型 unknown word; allowed: 字符 整数",
        "J6 数据长度 is no whole number",
        "H7 信息项名称 must not be empty",
        "H4 资源类型 kind is missing",
    ] {
        let count = faults.iter().filter(|fault| fault.starts_with(expected)).count();
        assert_eq!(count, 1, "{expected}: {faults:#?}");
    }
    // What cannot be read is told once, and not as missing.
    assert!(
        !faults
            .iter()
            .any(|fault| fault.contains("type is missing") || fault.starts_with("I6 数据类型 unknown word;  "))
    );
    let differs = from_workbook(&guide(&[(4, 12, "另一条件")], false)).unwrap_err();
    assert!(
        differs.iter().any(|fault| told(fault) == "M5 共享条件 differs from M4 of the same resource"),
        "{differs:?}"
    );
}

fn sheet_of(rows: &[&[&str]]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    put(workbook.add_worksheet(), rows);
    workbook.save_to_buffer().unwrap()
}

fn put(sheet: &mut Worksheet, rows: &[&[&str]]) {
    for (row, cells) in (0..).zip(rows) {
        for (column, text) in (0..).zip(*cells) {
            sheet.write_string(row, column, *text).unwrap();
        }
    }
}

#[test]
fn what_is_no_template_says_why() {
    let first = |bytes: &[u8]| told(&from_workbook(bytes).unwrap_err()[0]);
    assert_eq!(first(b"[[resource]]").trim(), "is no workbook: allowed are .xlsx and .xls");
    assert!(first(b"PK\x03\x04").contains("cannot be read"));
    assert!(first(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1").contains("cannot be read"));
    assert!(first(&sheet_of(&[&["甲", "乙"]])).contains("no visible sheet has a column 信息项名称"));
    assert_eq!(first(&sheet_of(&[&["信息项名称", "信息项名称"]])), "B1 信息项名称 the column stands at A1 already");
    assert_eq!(first(&sheet_of(&[&["信息项名称"], &["名称"]])), "A2 信息项名称 stands before any resource");
    let twice = sheet_of(&[&["资源名称", "信息项名称", "主键"], &["甲", "一", "是"], &["", "二", "√"]]);
    let faults: Vec<_> = from_workbook(&twice).unwrap_err().iter().map(told).collect();
    assert!(faults.contains(&"C3 主键 another field of the resource plays this part".to_owned()), "{faults:?}");
    let table = sheet_of(&[&["码表标识", "版本", "码表名称", "代码", "名称"], &["types", "一", "类型", "1", "甲"]]);
    assert_eq!(first(&table), "B2 版本 is no whole number");
    let codes = sheet_of(&[&["资源名称", "信息项名称", "码表"], &["甲", "一", "男和女"]]);
    let faults: Vec<_> = from_workbook(&codes).unwrap_err().iter().map(told).collect();
    assert!(
        faults.contains(&"C2 码表 is neither a code table's id nor codes such as 1=男；2=女".to_owned()),
        "{faults:?}"
    );
}

#[test]
fn codes_stand_in_a_cell_or_in_a_sheet_of_their_own_and_tables_likewise() {
    let mut workbook = Workbook::new();
    let headings = ["信息资源标识", "信息项名称", "技术名称", "数据类型", "码表"];
    put(
        workbook.add_worksheet(),
        &[
            &headings,
            &["a.b", "性别", "XB", "字符", "1=男；2：女"],
            &["", "地区", "DQ", "代码", "gbt-2260@2"],
            &["", "类型", "LX", "", ""],
        ],
    );
    put(
        workbook.add_worksheet(),
        &[&["信息资源标识", "技术名称", "代码", "名称"], &["a.b", "LX", "7", "丙"], &["a.b", "XX", "7", "丙"]],
    );
    let faults = from_workbook(&workbook.save_to_buffer().unwrap()).unwrap_err();
    assert!(faults.iter().any(|fault| told(fault) == "B3 技术名称 there is no such field"), "{faults:#?}");

    let mut workbook = Workbook::new();
    put(
        workbook.add_worksheet(),
        &[
            &headings,
            &["a.b", "性别", "XB", "字符", "1=男；2：女"],
            &["", "地区", "DQ", "代码", "gbt-2260@2"],
            &["", "类型", "LX", "", ""],
        ],
    );
    put(workbook.add_worksheet(), &[&["信息资源标识", "技术名称", "代码", "名称"], &["a.b", "LX", "7", "丙"]]);
    let table = ["码表标识", "版本", "码表名称", "代码", "名称", "上级代码"];
    put(
        workbook.add_worksheet(),
        &[&table, &["gbt-2260", "2", "行政区划", "44", "广东省", ""], &["", "", "", "4403", "深圳市", "44"]],
    );
    let imported = from_workbook(&workbook.save_to_buffer().unwrap()).unwrap();
    let (content, _) = read(imported.file.as_bytes());
    let told: Vec<_> = content.resources[0].fields.iter().map(|field| format!("{:?}", field.field_type)).collect();
    assert!(told[0].contains("code: \"1\", name: \"男\"") && told[0].contains("code: \"2\", name: \"女\""), "{told:?}");
    assert!(told[1].contains("gbt-2260") && told[1].contains("version: 2"), "{told:?}");
    assert!(told[2].contains("code: \"7\""), "{told:?}");
    assert_eq!(content.code_tables[0].find("4403").unwrap().parent, "44");
}

#[test]
fn what_is_larger_than_any_catalog_is_refused_before_it_is_read() {
    let far = |row: u32, column: u16| {
        let mut workbook = Workbook::new();
        workbook.add_worksheet().write_string(row, column, "甲").unwrap();
        from_workbook(&workbook.save_to_buffer().unwrap()).unwrap_err().remove(0).fault
    };
    assert_eq!(far(65_536, 0), Fault::TooLarge { what: "rows", most: 65_536 });
    assert_eq!(far(0, 256), Fault::TooLarge { what: "columns", most: 256 });
    let large = from_workbook(&vec![b'P'; MAX_WORKBOOK_BYTES + 1]).unwrap_err().remove(0).fault;
    assert!(matches!(large, Fault::TooLarge { what: "bytes", .. }));
}

/// What a ZIP says of the sizes in it is not believed: it is unpacked to nowhere first.
#[test]
fn a_workbook_that_unpacks_to_more_than_any_catalog_is_refused() {
    let mut bomb = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    bomb.start_file("xl/sharedStrings.xml", zip::write::SimpleFileOptions::default()).unwrap();
    let mebibyte = vec![b' '; 1 << 20];
    for _ in 0..=128 {
        std::io::Write::write_all(&mut bomb, &mebibyte).unwrap();
    }
    let bytes = bomb.finish().unwrap().into_inner();
    assert!(bytes.len() < 1 << 20, "{}", bytes.len());
    let refused = from_workbook(&bytes).unwrap_err().remove(0).fault;
    assert_eq!(refused, Fault::TooLarge { what: "bytes when unpacked", most: 128 << 20 });
}
