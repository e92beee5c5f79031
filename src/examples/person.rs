use jiff::{
    ToSpan,
    civil::{Date, date},
};

use super::random::{Random, scatter};
use crate::domain::identifier::{self, CitizenId};

const SURNAMES: [&str; 24] = [
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何", "郭", "马",
    "罗", "欧阳", "司徒", "上官", "诸葛",
];
const GIVEN: [&str; 20] = [
    "安", "宁", "平", "和", "文", "明", "清", "华", "远", "达", "嘉", "瑞", "欣", "悦", "晨", "晓", "思", "源", "海",
    "山",
];
const AREAS: [&str; 6] = ["110199", "310199", "320199", "330199", "440399", "510199"];

/// Someone who does not exist.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) citizen_id: CitizenId,
}

impl Person {
    /// The person of a number. The ids of the first ten million differ.
    pub(super) fn of(seed: u64, index: u64) -> Result<Self, identifier::Error> {
        const BIRTHDAYS: u64 = 20_000;
        const DISTINCT: u64 = 10_000_000;
        let mut random = Random::of(seed, "person", index);
        let number = scatter(index, seed, DISTINCT);
        let born = day(date(1950, 1, 1), number % BIRTHDAYS);
        let sequence = number / BIRTHDAYS;
        let body = format!("{}{}{sequence:03}", random.pick(&AREAS), born.strftime("%Y%m%d"));
        Ok(Self { name: name(&mut random), citizen_id: CitizenId::complete(&body)? })
    }
}

fn name(random: &mut Random) -> String {
    match random.below(30) {
        0 => format!("示例{}·样例{}", random.pick(&GIVEN), random.pick(&GIVEN)),
        1..=6 => format!("{}示", random.pick(&SURNAMES)),
        _ => format!("{}例{}", random.pick(&SURNAMES), random.pick(&GIVEN)),
    }
}

/// Who is in charge of, or owns, the `index`th thing: any of the people of the things before it, four to five things,
/// or somebody new. So the first rows of a table do not depend on how many follow, and early people hold the most.
pub(super) fn someone(random: &mut Random, index: u64) -> u64 {
    random.below(index - index / 5 + 1)
}

/// So many days after a date.
pub(super) fn day(from: Date, days: u64) -> Date {
    from.saturating_add(i64::try_from(days).unwrap_or(0).days())
}

/// An address in a city that does not exist.
pub(super) fn address(random: &mut Random) -> String {
    const ROADS: [&str; 10] = ["示范", "样板", "模拟", "演示", "测试", "例证", "图例", "范本", "样张", "试点"];
    const DISTRICTS: [&str; 4] = ["示例区", "样例区", "范例区", "演示区"];
    format!(
        "示例省样例市{}{}路{}号{}栋{}{:02}室",
        random.pick(&DISTRICTS),
        random.pick(&ROADS),
        1 + random.below(1999),
        1 + random.below(12),
        1 + random.below(30),
        1 + random.below(16),
    )
}
