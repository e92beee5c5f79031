use jiff::{ToSpan, civil::date};

use super::{
    Options,
    dress::{Column, Content},
    person::{Person, address, day, someone},
    random::Random,
    real_estate_department,
};
use crate::domain::identifier::{self, LicenceId};

/// The type of the certificates: a number in the range that no authority has given out.
const LICENCE_TYPE: &str = "11100000000013338W992";

pub(super) const COLUMNS: [Column; 13] = [
    Column::new("证照标识", Content::Identifier),
    Column::new("不动产权证号", Content::Text),
    Column::new("权利人", Content::Name),
    Column::new("权利人证件号", Content::Identifier),
    Column::new("共有情况", Content::Text),
    Column::new("坐落", Content::Text),
    Column::new("不动产单元号", Content::Text),
    Column::new("权利类型", Content::Text),
    Column::new("用途", Content::Text),
    Column::new("面积(㎡)", Content::Number),
    Column::new("使用期限至", Content::Date),
    Column::new("登记机构", Content::Text),
    Column::new("登记日期", Content::Date),
];

/// The columns' names.
pub const HEADER: [&str; 13] = super::dress::names(&COLUMNS);

const USES: [(&str, i64); 4] = [("住宅", 70), ("商业服务", 40), ("办公", 50), ("车位", 70)];

pub(super) fn row(options: &Options, index: u64) -> Result<Vec<String>, identifier::Error> {
    let mut random = Random::of(options.seed, "real estate", index);
    let registered = day(date(2016, 1, 1), random.below(3_600));
    let issuer = real_estate_department()?;
    let serial = format!("{}{:08}", registered.year(), index + 1);
    let licence = LicenceId::complete(LICENCE_TYPE, issuer.as_str(), &serial, "001")?;
    let owner = Person::of(options.seed, someone(&mut random, index))?;
    let (usage, years) = USES.get(random.below(USES.len() as u64) as usize).copied().unwrap_or_default();
    let until = registered.saturating_add((years - 5).years());
    Ok(vec![
        licence.as_str().to_owned(),
        format!("例（{}）样例市不动产权第{:07}号", registered.year(), index + 1),
        owner.name,
        owner.citizen_id.as_str().to_owned(),
        random.pick(&["单独所有", "单独所有", "共同共有", "按份共有"]).to_owned(),
        address(&mut random),
        unit(&mut random, index),
        "国有建设用地使用权/房屋所有权".to_owned(),
        usage.to_owned(),
        format!("{}.{:02}", 18 + random.below(220), random.below(100)),
        until.to_string(),
        "样例市不动产登记中心".to_owned(),
        registered.to_string(),
    ])
}

/// A unit number of 28 characters: area (6), cadastral district and subdistrict (3 each), kind of parcel (2), parcel
/// (5), F for a building (1), building and unit (8).
fn unit(random: &mut Random, index: u64) -> String {
    format!(
        "440399{:03}{:03}GB{:05}F{:08}",
        1 + random.below(20),
        1 + random.below(40),
        index / 1000 % 100_000,
        1 + index % 1000,
    )
}
