use jiff::{ToSpan, civil::date};

use super::{
    Options,
    dress::{Column, Content},
    market_regulation_department,
    person::{Person, address, day, someone},
    random::{Random, scatter},
};
use crate::domain::identifier::{self, LicenceId, Uscc};

/// The type of the licences: a number in the range that no authority has given out.
const LICENCE_TYPE: &str = "11100000MB03271699991";

pub(super) const COLUMNS: [Column; 14] = [
    Column::new("证照标识", Content::Identifier),
    Column::new("统一社会信用代码", Content::Identifier),
    Column::new("名称", Content::Name),
    Column::new("类型", Content::Text),
    Column::new("法定代表人", Content::Text),
    Column::new("法定代表人证件号", Content::Identifier),
    Column::new("注册资本(万元)", Content::Number),
    Column::new("成立日期", Content::Date),
    Column::new("营业期限自", Content::Date),
    Column::new("营业期限至", Content::Date),
    Column::new("核准日期", Content::Date),
    Column::new("登记机关", Content::Text),
    Column::new("住所", Content::Text),
    Column::new("经营范围", Content::Text),
];

/// The columns' names.
pub const HEADER: [&str; 14] = super::dress::names(&COLUMNS);

const WORDS: [&str; 16] = [
    "晨光", "远山", "清泉", "长风", "星河", "云帆", "青禾", "金桥", "海纳", "正德", "嘉木", "百川", "启明", "和润",
    "天工", "安泰",
];
const TRADES: [&str; 10] = ["科技", "贸易", "餐饮", "物流", "建材", "文化传播", "医疗器械", "农业", "软件", "环保设备"];
const FORMS: [(&str, &str); 4] = [
    ("有限责任公司", "有限公司"),
    ("有限责任公司(自然人独资)", "有限公司"),
    ("股份有限公司(非上市)", "股份有限公司"),
    ("有限责任公司(法人独资)", "有限公司"),
];
const ACTIVITIES: [&str; 16] = [
    "软件开发",
    "信息系统集成服务",
    "技术服务、技术开发、技术咨询、技术交流、技术转让、技术推广",
    "货物进出口",
    "日用百货销售",
    "办公设备耗材销售",
    "企业管理咨询",
    "会议及展览服务",
    "广告设计、代理",
    "普通货物仓储服务（不含危险化学品等需许可审批的项目）",
    "食品销售（仅销售预包装食品）",
    "建筑材料销售",
    "第二类医疗器械销售",
    "农副产品销售",
    "环境保护专用设备制造",
    "互联网信息服务",
];

pub(super) fn row(options: &Options, index: u64) -> Result<Vec<String>, identifier::Error> {
    /// The credit codes of so many licences differ.
    const DISTINCT: u64 = 10_000_000;
    let mut random = Random::of(options.seed, "business licence", index);
    let holder = Uscc::complete(&format!("91440399X{:07}", scatter(index, options.seed, DISTINCT)))?;
    let issuer = market_regulation_department()?;
    let founded = day(date(2000, 1, 1), random.below(9_000));
    let approved = day(founded, random.below(300));
    let serial = format!("{}{:08}", founded.year(), index + 1);
    let licence = LicenceId::complete(LICENCE_TYPE, issuer.as_str(), &serial, "001")?;
    let head = Person::of(options.seed, someone(&mut random, index))?;
    let (form, suffix) = FORMS.get(index as usize % FORMS.len()).copied().unwrap_or_default();
    let name = format!("样例市示例{}{}{}{suffix}", random.pick(&WORDS), random.pick(&WORDS), random.pick(&TRADES));
    let until = match random.below(3) {
        0 => "长期".to_owned(),
        _ => founded.saturating_add(20.years()).saturating_sub(1.day()).to_string(),
    };
    Ok(vec![
        licence.as_str().to_owned(),
        holder.as_str().to_owned(),
        name,
        form.to_owned(),
        head.name,
        head.citizen_id.as_str().to_owned(),
        capital(&mut random),
        founded.to_string(),
        founded.to_string(),
        until,
        approved.to_string(),
        "样例市市场监督管理局".to_owned(),
        address(&mut random),
        scope(&mut random),
    ])
}

fn capital(random: &mut Random) -> String {
    match random.below(5) {
        0 => format!("{}.{}", 1 + random.below(5_000), 1 + random.below(9)),
        _ => (10 * (1 + random.below(1_000))).to_string(),
    }
}

fn scope(random: &mut Random) -> String {
    let first = random.below(ACTIVITIES.len() as u64);
    let activities: Vec<&str> = (0..8 + random.below(5))
        .filter_map(|step| ACTIVITIES.get((first + step) as usize % ACTIVITIES.len()).copied())
        .collect();
    format!(
        "一般项目：{}。（除依法须经批准的项目外，凭营业执照依法自主开展经营活动）（本条为合成示例数据，不对应任何真实主体）",
        activities.join("；")
    )
}
