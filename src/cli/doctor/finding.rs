//! Findings, and how they are printed.

use serde::Serialize;
use std::fmt::Write;
use std::process::ExitCode;

/// How bad it is; worse is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// As it must be.
    Ok,
    /// It could not be checked. The service may work all the same.
    Unknown,
    /// Logins work, but should not be left so.
    Warning,
    /// Logins fail, or will.
    Fault,
}

impl Severity {
    pub(super) fn exit_code(self, strict: bool) -> ExitCode {
        ExitCode::from(match self {
            Self::Ok => 0,
            Self::Unknown => u8::from(strict),
            Self::Warning => 1,
            Self::Fault => 2,
        })
    }

    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Fault => "fault",
        }
    }
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) severity: Severity,
    pub(super) what: String,
    #[serde(rename = "do")]
    pub(super) remedy: String,
}

/// All findings, in the order of the checks.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) findings: Vec<Finding>,
}

impl Report {
    pub(super) fn ok(&mut self, check: &'static str, what: impl Into<String>) {
        self.add(check, Severity::Ok, what, "nothing");
    }
    pub(super) fn unknown(
        &mut self,
        check: &'static str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(check, Severity::Unknown, format!("cannot tell: {}", what.into()), remedy);
    }
    pub(super) fn warning(
        &mut self,
        check: &'static str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(check, Severity::Warning, what, remedy);
    }
    pub(super) fn fault(&mut self, check: &'static str, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(check, Severity::Fault, what, remedy);
    }

    pub(super) fn add(
        &mut self,
        check: &'static str,
        severity: Severity,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.findings.push(Finding { check, severity, what: what.into(), remedy: remedy.into() });
    }

    pub(super) fn worst(&self) -> Severity {
        self.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok)
    }

    /// For people: a line each, and the remedy on the next, if there is one.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for Finding { check, severity, what, remedy } in &self.findings {
            let _ = writeln!(text, "{:<8} {check}: {what}", severity.word());
            if *severity > Severity::Ok {
                let _ = writeln!(text, "         do: {remedy}");
            }
        }
        let count = |severity| self.findings.iter().filter(|f| f.severity == severity).count();
        let _ = write!(
            text,
            "{} ok, {} unknown, {} warning(s), {} fault(s)",
            count(Severity::Ok),
            count(Severity::Unknown),
            count(Severity::Warning),
            count(Severity::Fault)
        );
        text
    }

    /// For machines.
    pub(super) fn json(&self) -> String {
        serde_json::json!({ "severity": self.worst(), "findings": self.findings }).to_string()
    }
}
