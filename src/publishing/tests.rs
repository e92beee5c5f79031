use std::io::Cursor;

use serde_json::json;

use super::*;
use crate::{
    catalog,
    domain::{
        catalog::Resource,
        decide::{RecordClaims, RecordFacts, check_record},
        id::Handle,
        identifier::{LicenceId, LicencePart},
        record::RecordStatus,
        time::Time,
    },
    schema::Schema,
    sign::{
        Secret, SigningKey, SystemRandomness,
        sd_jwt::{self, Expected, SdJwt},
    },
    tabular::{self, Format, Options, Row},
};

const CATALOG: &[u8] = include_bytes!("../../deploy/examples/catalog.toml");
const HEADER: &str = "证照标识,统一社会信用代码,名称,类型,法定代表人,法定代表人证件号,注册资本(万元),成立日期,营业期限自,营业期限至,核准日期,登记机关,住所,经营范围";
/// A row in order, as a spreadsheet mangles it.
const MANGLED: [&str; 14] = [
    "11100000MB03271699991.11440399x00000019a.201500000001.001.5",
    "=\"91440399X000000785\"",
    "样例市示例青禾云帆物流有限公司\u{3000}",
    "有限责任公司",
    "黄例思",
    "'330199195001080003",
    "\"1,380.50\"",
    "2015/12/13",
    "２０１５年１２月１３日",
    "长期",
    "20160129",
    "样例市市场监督管理局",
    "样例路900号",
    "软件开发",
];

fn resource(position: usize) -> Resource {
    catalog::parse(CATALOG).unwrap().resources.swap_remove(position)
}

fn rows(resource: &Resource, table: &[u8]) -> Vec<Row> {
    let options = Options { ignored: ignored_names(resource), ..Options::default() };
    let rows = tabular::read(Cursor::new(table), Format::Delimited, columns(resource), &options).unwrap();
    rows.map(Result::unwrap).collect()
}

/// The mangled row with some cells replaced, by their positions.
fn row_with(cells: &[(usize, &str)]) -> Row {
    let mut all = MANGLED;
    for (position, cell) in cells {
        all[*position] = cell;
    }
    rows(&resource(0), format!("{HEADER}\n{}\n", all.join(",")).as_bytes()).remove(0)
}

const NOW: i64 = 1_780_000_000_000;

struct Provider {
    resource: Resource,
    schema: Schema,
    secret: Secret,
}

impl Provider {
    fn new(position: usize) -> Self {
        let resource = resource(position);
        let schema = Schema::compile(&resource, 2).unwrap();
        Self { resource, schema, secret: Secret::from_bytes(&[7; 32]) }
    }

    fn publisher(&self) -> Publisher<'_> {
        Publisher {
            resource: &self.resource,
            resource_version: 2,
            issuer: self.resource.provider,
            schema: &self.schema,
            numbering: None,
            secret: &self.secret,
            issued_at: Time::from_millis(NOW).unwrap(),
        }
    }
}

fn issued(publisher: &Publisher<'_>, row: &Row, version: u32) -> (SigningKey, IssuedRecord) {
    let random = SystemRandomness::new();
    let key = SigningKey::generate(&random).unwrap();
    let prepared = publisher.prepare(row).unwrap();
    let record =
        publisher.issue(&prepared, NextVersion { version, status: RecordStatus::Active }, &key, &random).unwrap();
    (key, record)
}

#[test]
fn a_mangled_row_becomes_a_record_signed_in_the_catalogs_order_with_derived_fields() {
    let provider = Provider::new(0);
    let (key, record) = issued(&provider.publisher(), &row_with(&[]), 3);
    let expected = Expected {
        iss: Some("11440399X00000019A"),
        vct: Some("urn:hutong:samr.business-licence:2"),
        ..Expected::default()
    };
    let verified = sd_jwt::verify(&record.sd_jwt, key.verifying_key(), &expected).unwrap();
    assert_eq!(verified.claims.jti, record.published.handle.0);
    assert_eq!((verified.claims.ver, record.published.version), (3, 3));
    assert_eq!(verified.jwt_hash, record.published.jwt_sha256.0);
    let fields = SdJwt::parse(&record.sd_jwt).unwrap().values().unwrap();
    let wanted = [
        ("ZZBS", json!("1.2.156.3005.2.11100000MB03271699991.11440399X00000019A.201500000001.001.5")),
        ("CZZTDM", json!("91440399X000000785")),
        ("CZZT", json!("样例市示例青禾云帆物流有限公司")),
        ("KZ_LX", json!("有限责任公司")),
        ("KZ_FDDBR", json!("黄例思")),
        ("KZ_FDDBR_MASKED", json!("黄**")),
        ("KZ_FDDBRZJH", json!("330199195001080003")),
        ("KZ_FDDBRZJH_MASKED", json!("330199********0003")),
        ("KZ_ZCZB", json!("1380.5")),
        ("KZ_CLRQ", json!("2015-12-13")),
        ("ZZYXQQSRQ", json!("2015-12-13")),
        ("ZZYXQJZRQ", json!("9999-12-31")),
        ("ZZBFRQ", json!("2016-01-29")),
        ("ZZBFJG", json!("样例市市场监督管理局")),
        ("KZ_ZS", json!("样例路900号")),
        ("KZ_JYFW", json!("软件开发")),
    ];
    let fields: Vec<_> = fields.iter().map(|(code, value)| (code.as_str(), value.clone())).collect();
    assert_eq!(fields, wanted);
    assert_eq!(record.published.validity.until.unwrap().to_string(), "9999-12-31");
}

#[test]
fn what_is_issued_passes_the_hubs_own_checks() {
    for (position, table) in [
        (0, &include_bytes!("../../deploy/examples/business-licences-gb18030.csv")[..]),
        (1, &include_bytes!("../../deploy/examples/real-estate-certificates.csv")[..]),
    ] {
        let provider = Provider::new(position);
        let publisher = provider.publisher();
        let rows = rows(&provider.resource, table);
        assert!(rows.len() >= 50);
        for row in rows.iter().take(60) {
            let (_, record) = issued(&publisher, row, 1);
            let sd_jwt = SdJwt::parse(&record.sd_jwt).unwrap();
            assert_eq!(sd_jwt::check_complete(&sd_jwt).unwrap(), []);
            let signed = sd_jwt.claims_unverified().unwrap();
            let iat = Time::from_millis(signed.iat * 1_000).unwrap();
            let claims = RecordClaims { iss: signed.iss, vct: signed.vct, jti: Handle(signed.jti), ver: 1, iat };
            let fields = sd_jwt.values().unwrap();
            let handle = Some(record.published.handle);
            let facts = RecordFacts {
                issuer: &provider.resource.provider,
                current: None,
                may_continue: true,
                identifier_owner: None,
                expected_handle: handle,
                replaced: None,
                original: None,
                unfit: provider.schema.check(&fields),
            };
            let found = check_record(&provider.resource, 2, &record.published, &claims, &fields, &facts);
            assert_eq!(found, [], "line {}", row.line());
        }
    }
}

#[test]
fn all_that_is_wrong_with_a_row_is_said_at_once_and_nothing_twice() {
    let provider = Provider::new(0);
    let long = "长".repeat(501);
    type Cells<'a> = &'a [(usize, &'a str)];
    type Found<'a> = &'a [(Option<&'a str>, &'a str)];
    let table: [(Cells<'_>, Found<'_>); 9] = [
        (&[(1, "9.1440300708461E+17")], &[(Some("CZZTDM"), "digits-lost")]),
        (&[(1, "91440399X000000786")], &[(Some("CZZTDM"), "identifier")]),
        (&[(0, ""), (2, "")], &[(Some("ZZBS"), "missing"), (Some("CZZT"), "missing")]),
        // The masked fields only follow from their sources.
        (&[(4, ""), (5, "3301")], &[(Some("KZ_FDDBR"), "missing"), (Some("KZ_FDDBRZJH"), "identifier")]),
        (&[(7, "2015-02-30"), (12, &long)], &[(Some("KZ_CLRQ"), "no-such-date"), (Some("KZ_ZS"), "too-long")]),
        (&[(8, "2020-01-01"), (9, "2019-12-31")], &[(None, "VALIDITY")]),
        (
            &[(1, "#REF!"), (8, "2020-01-01"), (9, "2019-12-31")],
            &[(Some("CZZTDM"), "spreadsheet-error"), (None, "VALIDITY")],
        ),
        (&[(6, "一百")], &[(Some("KZ_ZCZB"), "not-decimal")]),
        (&[(13, "软件开发,多出")], &[(None, "cell-without-column")]),
    ];
    for (cells, expected) in table {
        let rejections = provider.publisher().prepare(&row_with(cells)).unwrap_err();
        let found: Vec<_> = rejections.iter().map(|found| (found.field.as_deref(), found.code.as_str())).collect();
        assert_eq!(found, expected, "{cells:?}");
        assert!(rejections.iter().all(|found| found.line == 2 && !found.reason.is_empty()));
    }
}

#[test]
fn an_unchanged_row_is_known_by_its_digest_however_it_is_spelt() {
    let provider = Provider::new(0);
    let publisher = provider.publisher();
    let first = publisher.prepare(&row_with(&[])).unwrap();
    let respelt = publisher.prepare(&row_with(&[(7, "2015-12-13"), (6, "1380.5")])).unwrap();
    let changed = publisher.prepare(&row_with(&[(12, "样例路901号")])).unwrap();
    assert_eq!(first, respelt);
    assert_eq!(first.handle, changed.handle);
    assert_ne!(first.source_digest, changed.source_digest);
    use RecordStatus::{Active, Revoked};
    let held = HeldState { version: 4, resource_version: 2, source_digest: first.source_digest, status: Active };
    let (revoked, none) = (HeldState { status: Revoked, ..held }, HeldState::NONE);
    let (same, new) = (respelt.source_digest, changed.source_digest);
    for (held, digest, resource_version, wanted, next) in [
        (held, same, 2, None, None),
        (held, new, 2, None, Some((5, Active))),
        (held, same, 3, None, Some((5, Active))),
        (held, same, 2, Some(Active), None),
        (held, same, 2, Some(Revoked), Some((5, Revoked))),
        (revoked, same, 2, None, None),
        (revoked, new, 2, None, Some((5, Revoked))),
        (revoked, same, 2, Some(Revoked), None),
        (revoked, same, 2, Some(Active), Some((5, Active))),
        (none, same, 2, None, Some((1, Active))),
        (none, same, 2, Some(Revoked), Some((1, Revoked))),
    ] {
        let next = next.map(|(version, status)| NextVersion { version, status });
        assert_eq!(next_version(&held, &digest, resource_version, wanted), next, "{held:?} {wanted:?}");
    }
    let other = Publisher { secret: &Secret::from_bytes(&[8; 32]), ..publisher };
    assert_ne!(other.prepare(&row_with(&[])).unwrap().handle, first.handle);
    assert!(!format!("{first:?}").contains("黄例思"));
}

#[test]
fn a_column_of_a_derived_field_is_passed_over_and_an_unknown_one_is_not() {
    let provider = Provider::new(0);
    let table = format!("{HEADER},法定代表人(脱敏)\n{},黄*\n", MANGLED.join(","));
    let row = rows(&provider.resource, table.as_bytes()).remove(0);
    assert_eq!(provider.publisher().prepare(&row), provider.publisher().prepare(&row_with(&[])));

    let table = format!("{HEADER},备住\n");
    let options = Options { ignored: ignored_names(&provider.resource), ..Options::default() };
    let read = tabular::read(Cursor::new(table), Format::Delimited, columns(&provider.resource), &options);
    assert!(matches!(read, Err(tabular::Error::UnknownColumn { .. })));
}

#[test]
fn a_record_that_stands_twice_is_rejected_the_second_time() {
    let mut duplicates = Duplicates::default();
    assert_eq!(duplicates.note(Handle([1; 32]), 2, "ZZBS"), Ok(()));
    assert_eq!(duplicates.note(Handle([2; 32]), 3, "ZZBS"), Ok(()));
    let rejection = duplicates.note(Handle([1; 32]), 9, "ZZBS").unwrap_err();
    assert_eq!((rejection.line, rejection.code.as_str()), (9, "record-twice"));
    assert_eq!(rejection.reason, "line 2 has the same record");
}

#[test]
fn batches_are_bounded_by_records_and_bytes_and_keep_the_order() {
    let provider = Provider::new(0);
    let (_, record) = issued(&provider.publisher(), &row_with(&[]), 1);
    for (size, full_at) in [(1_000, MAX_BATCH_RECORDS), (MAX_BATCH_BYTES / 4, 3)] {
        let mut batches = Batches::default();
        let mut out = Vec::new();
        for line in 0..600 {
            let record = IssuedRecord { line, sd_jwt: "x".repeat(size), ..record.clone() };
            out.extend(batches.push(record));
        }
        out.extend(batches.take());
        assert_eq!(batches.take(), None);
        assert!(out.iter().rev().skip(1).all(|batch| batch.len() == full_at));
        let lines: Vec<_> = out.iter().flatten().map(|record| record.line).collect();
        assert_eq!(lines, (0..600).collect::<Vec<_>>());
    }
}

/// A row of the example's certificates, without some of its columns or with some cells replaced, by their positions.
fn certificate(publisher: &Publisher<'_>, numbering: &Numbering, without: &[usize], cells: &[(usize, &str)]) -> Row {
    let table = include_str!("../../deploy/examples/real-estate-certificates.csv");
    let mut lines = table.trim_start_matches('\u{FEFF}').lines().map(|line| line.split(',').collect::<Vec<_>>());
    let (header, mut row) = (lines.next().unwrap(), lines.next().unwrap());
    cells.iter().for_each(|(position, cell)| row[*position] = cell);
    let kept = |cells: &[&str]| {
        let cells = cells.iter().enumerate().filter(|(position, _)| !without.contains(position));
        cells.map(|(_, cell)| *cell).collect::<Vec<_>>().join(",")
    };
    let table = format!("{}\n{}\n", kept(&header), kept(&row));
    let options = Options { ignored: ignored_names(publisher.resource), ..Options::default() };
    let columns = numbering.columns(publisher.resource);
    tabular::read(Cursor::new(table), Format::Delimited, columns, &options).unwrap().map(Result::unwrap).next().unwrap()
}

const CERTIFICATE_TYPE: &str = "11100000MB03271699022";

#[test]
fn an_identifier_is_made_where_a_row_has_none_and_is_the_same_each_time() {
    let provider = Provider::new(1);
    let issuer = provider.resource.provider;
    let unit = "KZ_BDCDYH".parse().unwrap();
    let numbering = Numbering::new(&provider.resource, issuer, " 11100000mb03271699022", &unit).unwrap();
    let publisher = Publisher { numbering: Some(&numbering), ..provider.publisher() };
    let unit = provider.resource.fields.iter().filter(|field| field.derivation.is_none());
    let unit = unit.map(|field| field.code.as_str()).position(|code| code == "KZ_BDCDYH").unwrap();
    let prepare = |without: &[usize], cells: &[(usize, &str)]| {
        publisher.prepare(&certificate(&publisher, &numbering, without, cells))
    };
    let kept = prepare(&[], &[]).unwrap();
    let (absent, blank) = (prepare(&[0], &[]).unwrap(), prepare(&[], &[(0, " ")]).unwrap());
    assert_ne!(kept.handle, absent.handle);
    assert_eq!((absent.handle, absent.source_digest), (blank.handle, blank.source_digest));
    assert_eq!(absent.oddities, []);
    assert_ne!(prepare(&[0], &[(unit, "440399001001GB00001F00010002")]).unwrap().handle, absent.handle);

    let (_, record) = issued(&publisher, &certificate(&publisher, &numbering, &[0], &[]), 1);
    let fields = SdJwt::parse(&record.sd_jwt).unwrap().values().unwrap();
    let text = |code: &str| crate::domain::value::text_of(&fields, code).unwrap().to_owned();
    let id = LicenceId::parse(&text("ZZBS")).unwrap();
    let parts = [LicencePart::Type, LicencePart::Issuer, LicencePart::Serial, LicencePart::Version];
    let expected = [CERTIFICATE_TYPE, issuer.as_str(), &text("KZ_BDCDYH"), "001"];
    assert_eq!(parts.map(|part| id.part(part)), expected);
    // Whoever knows the identifier and gives it publishes the same record.
    assert_eq!(prepare(&[], &[(0, id.as_str())]).unwrap().handle, absent.handle);
}

#[test]
fn an_identifier_that_cannot_be_made_is_one_rejection() {
    let provider = Provider::new(1);
    let number = "ZZBH".parse().unwrap();
    let numbering = Numbering::new(&provider.resource, provider.resource.provider, CERTIFICATE_TYPE, &number).unwrap();
    let publisher = Publisher { numbering: Some(&numbering), ..provider.publisher() };
    for (cells, found) in [
        (&[(0, "")][..], &[("ZZBS", "no-identifier")][..]),
        (&[(0, ""), (1, "")], &[("ZZBH", "missing"), ("ZZBS", "no-identifier")]),
        // What is there and wrong is not made anew.
        (&[(0, "1.2.3"), (1, "A1")], &[("ZZBS", "identifier")]),
    ] {
        let rejections = publisher.prepare(&certificate(&publisher, &numbering, &[], cells)).unwrap_err();
        let told: Vec<_> = rejections.iter().map(|r| (r.field.as_deref().unwrap(), r.code.as_str())).collect();
        assert_eq!(told, found, "{cells:?}");
    }
    assert!(publisher.prepare(&certificate(&publisher, &numbering, &[], &[(0, ""), (1, "A1")])).is_ok());
}

#[test]
fn a_numbering_needs_licences_a_type_and_a_field_of_the_table() {
    let (licences, seals) = (resource(1), resource(2));
    let new = |resource: &Resource, licence_type: &str, serial: &str| {
        Numbering::new(resource, resource.provider, licence_type, &serial.parse().unwrap()).map(drop)
    };
    assert!(new(&licences, CERTIFICATE_TYPE, "ZZBH").is_ok());
    assert!(matches!(new(&seals, CERTIFICATE_TYPE, "YZMC"), Err(Error::NotNumbered { .. })));
    for serial in ["ZZBS", "CZZT_MASKED", "NONE"] {
        assert!(matches!(new(&licences, CERTIFICATE_TYPE, serial), Err(Error::SerialField { .. })), "{serial}");
    }
    assert!(matches!(new(&licences, "11100000MB03271699", "ZZBH"), Err(Error::LicenceType(_))));
}

#[test]
fn what_is_odd_about_an_identifier_is_told_with_its_line_and_rejects_nothing() {
    let provider = Provider::new(0);
    let told = |cells: &[(usize, &str)]| {
        let record = provider.publisher().prepare(&row_with(cells)).unwrap();
        record.oddities.into_iter().map(|odd| (odd.line, odd.field, odd.code)).collect::<Vec<_>>()
    };
    let odd = |field: &str, code| (2, field.to_owned(), code);
    assert_eq!(told(&[]), []);
    assert_eq!(told(&[(0, "11100000MB03271699022.340100.000000016.001.9")]), [odd("ZZBS", "not-uscc")]);
    let another = "11100000000013338W011.11430000006122244L.20230000403.001.U";
    assert_eq!(told(&[(0, another)]), [odd("ZZBS", "another-issuer")]);
    let inner = told(&[(1, "91440399X000000798"), (0, another)]);
    assert_eq!(inner, [odd("ZZBS", "another-issuer"), odd("CZZTDM", "organisation-code")]);
}
