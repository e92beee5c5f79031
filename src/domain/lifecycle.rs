//! The life of an agreement's version: one table.
//!
//! ```text
//!  draft 草稿 ──propose──> PROPOSED 待审核 ──accept──> ACCEPTED ──activate──> ACTIVE 已生效 <──resume── SUSPENDED 暂停
//!  (a file)                  │    │ └──────────activate──────────────────────^  └────suspend────────────^
//!                            │    └─reject─> REJECTED 驳回 <─reject─ ACCEPTED      │ a later version is activated,
//!                            └─withdraw──> WITHDRAWN 撤回 <─withdraw─ ACCEPTED     └─terminate──> TERMINATED 终止
//! ```
//!
//! That a version has expired 到期 is no state: it follows from its text and the time.

use super::agreement::AgreementState::{self, Accepted, Active, Proposed, Rejected, Suspended, Terminated, Withdrawn};

/// What is done to a version of an agreement once it was proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgreementAct {
    /// The provider accepts 同意.
    Accept,
    /// The authority activates 生效.
    Activate,
    /// The provider or the authority rejects 驳回.
    Reject,
    /// The consumer withdraws 撤回.
    Withdraw,
    /// A party or the authority suspends 暂停.
    Suspend,
    /// Who suspended resumes 恢复.
    Resume,
    /// A party or the authority ends 终止.
    Terminate,
}

impl AgreementAct {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Accept, Self::Activate, Self::Reject, Self::Withdraw, Self::Suspend, Self::Resume, Self::Terminate];
}

impl AgreementState {
    /// All of them.
    pub const ALL: [Self; 7] = [Proposed, Accepted, Active, Suspended, Rejected, Withdrawn, Terminated];

    /// The state after an act; `None` where the act does not fit. Who may act is the decision's to say.
    pub fn after(self, act: AgreementAct) -> Option<Self> {
        match (act, self) {
            (AgreementAct::Accept, Proposed) => Some(Accepted),
            // Where the catalog has come to require it: once.
            (AgreementAct::Accept, Active | Suspended) => Some(self),
            (AgreementAct::Activate, Proposed | Accepted) | (AgreementAct::Resume, Suspended) => Some(Active),
            (AgreementAct::Reject, Proposed | Accepted) => Some(Rejected),
            (AgreementAct::Withdraw, Proposed | Accepted) => Some(Withdrawn),
            (AgreementAct::Suspend, Active) => Some(Suspended),
            (AgreementAct::Terminate, Proposed | Accepted | Active | Suspended) => Some(Terminated),
            _ => None,
        }
    }

    /// Whether a version waits to be answered.
    pub fn is_pending(self) -> bool {
        matches!(self, Proposed | Accepted)
    }

    /// Whether a version never came into force, and its number is the next proposal's.
    pub fn is_replaceable(self) -> bool {
        matches!(self, Proposed | Accepted | Rejected | Withdrawn)
    }
}
