use std::io::{self, Cursor, Read, Seek, SeekFrom};

use serde_json::{Value, json};

use super::*;

fn columns() -> Vec<Column> {
    let column = |code: &str, names: &[&str], kind, required| Column {
        code: code.to_owned(),
        names: names.iter().map(|&name| name.to_owned()).collect(),
        kind,
        required,
        repeated: false,
    };
    vec![
        column("CZZTDM", &["统一社会信用代码", "holder_code"], ColumnKind::Uscc, true),
        column("CZZT", &["名称", "holder"], ColumnKind::Text { max_chars: 50 }, true),
        column("KZ_ZCZB", &["注册资本(万元)"], ColumnKind::Decimal, false),
        column("ZZYXQJZRQ", &["营业期限至"], ColumnKind::Date, false),
    ]
}

fn read_all(bytes: &[u8], format: Format, options: &Options) -> Result<Vec<Row>, Error> {
    read(Cursor::new(bytes), format, columns(), options)?.collect()
}

fn rows(text: &str) -> Vec<Row> {
    read_all(text.as_bytes(), Format::Delimited, &Options::default()).unwrap()
}

fn values(row: &Row) -> Vec<Value> {
    row.fields().map(|(_, value)| value.clone()).collect()
}

fn faults(row: &Row) -> Vec<(Option<&str>, &'static str)> {
    row.violations().iter().map(|v| (v.field.as_deref(), v.reason.code())).collect()
}

const HEADER: &str = "统一社会信用代码,名称,注册资本（万元）,营业期限至";
const ROW: &str = "91350100M000100Y43,示例公司,\"1,000.50\",2026/1/5";

fn expected() -> Vec<Value> {
    vec![json!("91350100M000100Y43"), json!("示例公司"), json!("1000.5"), json!("2026-01-05")]
}

#[test]
fn one_table_in_every_dress_gives_the_same_values() {
    let text = format!("{HEADER}\r\n\r\n{ROW}\r\n,,,\r\n");
    let with_mark = [b"\xEF\xBB\xBF", text.as_bytes()].concat();
    let gb18030 = encoding_rs::GB18030.encode(&text).0.into_owned();
    let utf16: Vec<u8> = [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let by_code = "\n*CZZTDM;holder;kz_zczb;ZZYXQJZRQ\n'91350100m000100y43; 示例公司;1000.5;46027\n";
    let tabs = "ZZYXQJZRQ\tCZZT\tCZZTDM\t KZ_ZCZB\n2026年1月5日\t示例公司\t=\"91350100M000100Y43\"\t１０００.５０\n";
    let full_width = "统一社会信用代码，名称，KZ_ZCZB，营业期限至\n91350100M000100Y43，示例公司，1000.5，20260105";
    let dresses: [&[u8]; 7] =
        [text.as_bytes(), &with_mark, &gb18030, &utf16, by_code.as_bytes(), tabs.as_bytes(), full_width.as_bytes()];
    for bytes in dresses {
        let rows = read_all(bytes, Format::Delimited, &Options::default()).unwrap();
        let [row] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((values(row), row.violations()), (expected(), &[][..]));
    }
    let json = "\n{\"统一社会信用代码\":\"91350100m000100y43\",\"CZZT\":\"示例公司\",\"KZ_ZCZB\":1000.5,\"营业期限至\":20260105}\n";
    let rows = read_all(json.as_bytes(), Format::JsonLines, &Options::default()).unwrap();
    assert_eq!((values(&rows[0]), rows[0].line(), rows.len()), (expected(), 2, 1));
}

#[test]
fn canonical_bytes_are_golden_and_know_no_order_and_no_spelling() {
    let golden = concat!(
        "hutong-source-row/1\n",
        r#"[["CZZT","示例公司"],["CZZTDM","91350100M000100Y43"],["KZ_ZCZB","1000.5"]]"#,
    );
    for text in [
        "统一社会信用代码,名称,KZ_ZCZB\n91350100M000100Y43,示例公司,1000.5",
        "KZ_ZCZB,名称,营业期限至,统一社会信用代码\n\"1,000.50\", 示例公司,,'91350100m000100y43",
    ] {
        assert_eq!(rows(text)[0].canonical_bytes(), golden.as_bytes());
    }
}

#[test]
fn a_faulty_row_costs_no_other_row() {
    let text = format!(
        "{HEADER}\n{ROW}\n9.1440300708461E+17,,12元,2026-02-30\n{ROW}\n91350100M000100Y43,\"示例公司,1,\n{ROW}\n{ROW},多\n\"甲\"乙,1,1,1\n{ROW}\n"
    );
    let rows = rows(&text);
    let seen: Vec<_> = rows.iter().map(|row| (row.line(), faults(row))).collect();
    assert_eq!(
        seen,
        [
            (2, vec![]),
            (
                3,
                vec![
                    (Some("CZZTDM"), "digits-lost"),
                    (Some("CZZT"), "missing"),
                    (Some("KZ_ZCZB"), "not-decimal"),
                    (Some("ZZYXQJZRQ"), "no-such-date"),
                ]
            ),
            (4, vec![]),
            (5, vec![(None, "unclosed-quote")]),
            (6, vec![]),
            (7, vec![(None, "cell-without-column")]),
            (8, vec![(None, "text-after-quote")]),
            (9, vec![]),
        ]
    );
    assert_eq!(
        rows[1].violations()[0].to_string(),
        "line 3, field CZZTDM: a number in scientific notation has lost its last digits; export the column as text, \
         allowed: a unified social credit code, 18 characters as text"
    );
}

#[test]
fn an_unclosed_quote_swallows_no_more_than_its_line() {
    let mut text = format!("{HEADER}\n91350100M000100Y43,\"示例公司,1,\n");
    let after = 2 * MAX_ROW_BYTES / ROW.len();
    for _ in 0..after {
        text.push_str("91350100M000100Y43,示例公司,1000.5,2026/1/5\n");
    }
    let rows = rows(&text);
    assert_eq!(faults(&rows[0]), [(None, "unclosed-quote")]);
    assert_eq!(rows.len(), after + 1);
    assert!(rows[1..].iter().all(|row| row.violations().is_empty()));
}

#[test]
fn a_row_beyond_the_bound_is_refused_and_the_next_is_read() {
    let rows = rows(&format!("{HEADER}\n{}\n{ROW}\n", "长".repeat(MAX_ROW_BYTES)));
    assert_eq!((rows[0].line(), faults(&rows[0])), (2, vec![(None, "row-too-long")]));
    assert_eq!((rows[1].line(), faults(&rows[1])), (3, vec![]));
}

#[test]
fn a_byte_that_is_no_character_is_found_in_its_field() {
    let mut bytes = format!("{HEADER}\n{ROW}\n").into_bytes();
    let at = bytes.len() - ROW.len() + 20;
    bytes[at] = 0xFF;
    let options = Options { encoding: Some(Encoding::Utf8), ..Options::default() };
    let rows = read_all(&bytes, Format::Delimited, &options).unwrap();
    assert_eq!(faults(&rows[0]), [(Some("CZZT"), "undecodable")]);
}

#[test]
fn json_faults_are_found_in_their_line() {
    let text = concat!(
        "{\"CZZTDM\":\"91350100M000100Y43\",\"CZZT\":\"甲\"}\n",
        "{\"CZZTDM\":\n",
        "[1]\n",
        "{\"CZZTDM\":9.14e17,\"CZZT\":[\"甲\"],\"KZ_ZCZB\":1234567890.123456789,\"备注\":1}\n",
        "{\"CZZTDM\":\"91350100M000100Y43\",\"CZZT\":\"甲\",\"名称\":\"乙\",\"序号\":1}\n",
    );
    let options = Options { ignored: vec!["序号".to_owned()], ..Options::default() };
    let rows = read_all(text.as_bytes(), Format::JsonLines, &options).unwrap();
    let seen: Vec<_> = rows.iter().map(faults).collect();
    assert_eq!(
        seen,
        [
            vec![],
            vec![(None, "not-json-object")],
            vec![(None, "not-json-object")],
            vec![
                (Some("CZZTDM"), "digits-lost"),
                (Some("CZZT"), "nested"),
                (Some("KZ_ZCZB"), "digits-lost"),
                (None, "unknown-key"),
            ],
            vec![(Some("CZZT"), "given-twice")],
        ]
    );
}

#[test]
fn faults_of_the_header_are_named() {
    let table = [
        ("", "the file is empty, expected a header row"),
        ("\n \n", "the file is empty, expected a header row"),
        (
            "统一社会信用代码,名称,名字\n",
            "line 1, column 3: \"名字\" names no field (the file was read as utf-8), allowed: CZZTDM 统一社会信用代码, \
             CZZT 名称, KZ_ZCZB 注册资本(万元), ZZYXQJZRQ 营业期限至",
        ),
        ("CZZTDM,名称,CZZT\n", "line 1, column 3: field CZZT has a column already, column 2"),
        ("\n名称\n", "line 2: the header has no column for the required fields CZZTDM 统一社会信用代码"),
    ];
    for (text, message) in table {
        let error = read_all(text.as_bytes(), Format::Delimited, &Options::default()).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let ignoring = Options { ignored: vec!["序号".to_owned()], ..Options::default() };
    let text = format!("序 号,{HEADER},\n1,{ROW},\n");
    let rows = read_all(text.as_bytes(), Format::Delimited, &ignoring).unwrap();
    assert_eq!((values(&rows[0]), rows[0].violations()), (expected(), &[][..]));
}

#[test]
fn a_failing_disk_ends_the_rows_with_an_error() {
    struct Failing(Cursor<Vec<u8>>);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::Error::other("rot")),
                read => Ok(read),
            }
        }
    }
    impl Seek for Failing {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }
    let source = Failing(Cursor::new(format!("{HEADER}\n{ROW}\nrest").into_bytes()));
    let options = Options { encoding: Some(Encoding::Utf8), ..Options::default() };
    let mut rows = read(source, Format::Delimited, columns(), &options).unwrap();
    assert!(rows.next().unwrap().is_ok());
    assert!(matches!(rows.next(), Some(Err(Error::Io { line: 2, .. }))));
    assert!(rows.next().is_none());
}
