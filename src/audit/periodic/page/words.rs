//! Codes in the words of a data bureau.

/// What a reason for a refusal means, in Chinese; nothing for one that is not known here.
pub(super) fn reason(code: &str) -> &'static str {
    match code {
        "CLOCK_SKEW" => "时钟偏差过大",
        "REQUEST_ID_REUSED" => "请求号重复使用",
        "KEY_RETIRED" => "密钥已停用",
        "CAPABILITY_MISSING" => "系统无此权限",
        "OPENING_MISMATCH" => "开启值与承诺不符",
        "RESOURCE_UNKNOWN" => "目录无此资源",
        "RESOURCE_NOT_OWNED" => "非本部门资源",
        "RESOURCE_VERSION_STALE" => "资源版本已更新",
        "FIELD_UNKNOWN" => "资源无此信息项",
        "FIELD_NOT_SHARED" => "信息项不予共享",
        "NO_AGREEMENT" => "没有共享协议",
        "AGREEMENT_NOT_ACTIVATED" => "协议尚未生效",
        "AGREEMENT_NOT_YET_VALID" => "协议未到有效期",
        "AGREEMENT_EXPIRED" => "协议已过有效期",
        "AGREEMENT_SUSPENDED" => "协议已暂停",
        "AGREEMENT_TERMINATED" => "协议已终止",
        "FIELD_NOT_AGREED" => "信息项不在协议内",
        "PURPOSE_NOT_AGREED" => "用途不在协议内",
        "MATTER_NOT_AGREED" => "事项不在协议内",
        "LOOKUP_NOT_AGREED" => "查询方式不在协议内",
        "BATCH_LIMIT_EXCEEDED" => "超过单次查询限额",
        "QUOTA_EXHAUSTED" => "超过每日限额",
        "TOO_MANY_RECORDS" => "命中记录过多",
        "DEPARTMENT_UNKNOWN" => "部门未登记",
        "SYSTEM_UNKNOWN" => "系统未登记",
        "KEY_UNKNOWN" => "密钥未登记",
        "KEY_EXISTS" => "密钥已登记",
        "KEY_POSSESSION_UNPROVEN" => "未证明持有密钥",
        "CATALOG_BREAKING" => "目录变更不兼容且未声明",
        "LAST_ADMINISTRATOR" => "最后一个主管系统",
        "CATALOG_CONFLICT" => "目录版本冲突",
        "CATALOG_PART_UNKNOWN" => "目录分册未登记",
        "CATALOG_INVALID" => "目录不合规则",
        "AGREEMENT_CONFLICT" => "协议编号或版本冲突",
        "AGREEMENT_TEXT_INVALID" => "协议文本不合规则",
        "AGREEMENT_SIGNATURE_INVALID" => "协议签名无效",
        "AGREEMENT_STATE" => "协议状态不允许",
        "ANSWER_NOT_DEFERRABLE" => "不可延长答复",
        "NOT_A_PARTY" => "非协议当事方",
        "ACCEPTANCE_MISSING" => "缺少提供方同意",
        "PUBLICATION_INVALID" => "发布内容不合规则",
        _ => "",
    }
}

/// An update cycle.
pub(super) fn cycle(code: &str) -> &'static str {
    match code {
        "REAL_TIME" => "实时 real time",
        "DAILY" => "每日 daily",
        "WEEKLY" => "每周 weekly",
        "MONTHLY" => "每月 monthly",
        "QUARTERLY" => "每季度 quarterly",
        "HALF_YEARLY" => "每半年 half-yearly",
        "YEARLY" => "每年 yearly",
        _ => "其他 other",
    }
}

/// Where a resource stands against its cycle, with the class of its badge.
pub(super) fn freshness(state: &str) -> (&'static str, &'static str) {
    match state {
        "FRESH" => ("及时 fresh", "badge good"),
        "LATE" => ("逾期 late", "badge bad"),
        "NEVER" => ("从未发布 never", "badge bad"),
        _ => ("不定期 unscheduled", "badge"),
    }
}

/// Where an agreement stands, with the class of its badge.
pub(super) fn agreement(state: &str) -> (&'static str, &'static str) {
    match state {
        "PROPOSED" => ("待审核 proposed", "badge"),
        "ACCEPTED" => ("待生效 accepted", "badge"),
        "ACTIVE" => ("已生效 active", "badge good"),
        "SUSPENDED" => ("暂停 suspended", "badge warn"),
        "EXPIRED" => ("已到期 expired", "badge bad"),
        "REJECTED" => ("驳回 rejected", "badge warn"),
        "WITHDRAWN" => ("撤回 withdrawn", "badge"),
        _ => ("已终止 terminated", "badge"),
    }
}

/// A kind of pattern.
pub(super) fn pattern(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "ABOVE_USUAL" => ("查询量远高于平常", "Far above its usual rate"),
        "MANY_RECORDS" => ("同一操作员查询大量持证主体", "Many holders by one operator"),
        "OFF_HOURS" => ("非工作时间查询", "Outside working hours"),
        _ => ("大量查询被拒绝", "Mostly refused"),
    }
}
