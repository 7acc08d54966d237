//! What a check found.

use dm_model::DmError;

/// How bad it is; the worst problem is the state of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    Success,
    Warn,
    Fail,
}

impl Severity {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Severity::Success => "success",
            Severity::Warn => "warn",
            Severity::Fail => "fail",
        }
    }
}

/// One thing that is wrong, and what to do about it.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) severity: Severity,
    pub(super) text: String,
    pub(super) instruction: String,
}

/// The outcome of one check.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// DM's result name.
    pub(super) name: String,
    pub(super) desc: &'static str,
    pub(super) problems: Vec<Problem>,
    /// Where: the address of the server.
    pub(super) extra: String,
}

impl Finding {
    /// A check that has found nothing wrong yet.
    pub(super) fn new(name: impl Into<String>, desc: &'static str, address: &str) -> Self {
        let extra = format!("address of db instance - {address}");
        Self {
            name: name.into(),
            desc,
            problems: Vec::new(),
            extra,
        }
    }

    pub(super) fn fail(&mut self, text: impl Into<String>, instruction: impl Into<String>) {
        let (text, instruction) = (text.into(), instruction.into());
        self.problems.push(Problem {
            severity: Severity::Fail,
            text,
            instruction,
        });
    }

    pub(super) fn warn(&mut self, text: impl Into<String>, instruction: impl Into<String>) {
        let (text, instruction) = (text.into(), instruction.into());
        self.problems.push(Problem {
            severity: Severity::Warn,
            text,
            instruction,
        });
    }

    /// The check couldn't be done: that is a failure, never a success.
    pub(super) fn not_evaluated(&mut self, error: &DmError) {
        self.fail(
            format!("could not be checked: {error}"),
            error.workaround.clone().unwrap_or_default(),
        );
    }

    pub(super) fn severity(&self) -> Severity {
        self.problems
            .iter()
            .map(|problem| problem.severity)
            .max()
            .unwrap_or(Severity::Success)
    }
}
