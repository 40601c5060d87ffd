//! The number that page and terminal show of one login, so that a person sees that they
//! belong together.

/// Six digits of the shell's key and state, "482 177".
pub(super) fn shell_number(key: &str, state: &str) -> String {
    let text = format!("vestibule shell number{key}{state}");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let first = digest.as_ref().iter().take(4).fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    let number = first % 1_000_000;
    format!("{:03} {:03}", number / 1_000, number % 1_000)
}
