//! Names of roles and regions. They go into addresses, into the environment of commands and into
//! files of others: whatever a shell or such a file reads otherwise is none.

/// A role that a person has named.
pub(super) fn role_arn(text: &str) -> Result<String, String> {
    if is_role(text) {
        Ok(text.to_owned())
    } else {
        Err("the role is an ARN like arn:aws:iam::123456789012:role/NAME".to_owned())
    }
}

pub(super) fn is_role(arn: &str) -> bool {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || ":/_+=,.@-".contains(c);
    arn.starts_with("arn:") && arn.contains(":role/") && arn.chars().all(is_safe)
}

/// A region that a person has named.
pub(super) fn region(text: &str) -> Result<String, String> {
    if is_region(text) { Ok(text.to_owned()) } else { Err("a region is like eu-central-1".to_owned()) }
}

pub(super) fn is_region(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
