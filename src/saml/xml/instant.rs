//! Instants and durations as SAML writes them: `xs:dateTime` (core 1.3.3) and
//! `xs:duration`.

use super::blanks::trim_blanks;
use super::nodes::cut;
use time::{Date, Duration, Month, OffsetDateTime, Time, UtcOffset};

/// Parses an `xs:dateTime`: `2026-11-23T05:46:00.123Z`. Core 1.3.3 wants UTC;
/// other offsets are converted, and none at all means UTC. Fractions of any
/// length are read to the nanosecond. `None` for everything else, and for
/// instants outside the years 0 to 9999.
pub(in crate::saml) fn parse_instant(text: &str) -> Option<OffsetDateTime> {
    // xs:dateTime collapses white space (XML Schema part 2, 4.3.6).
    let (date, time) = cut(trim_blanks(text), b'T')?;
    let date = parse_date(date)?;

    let (clock, zone) = match time.find(['Z', '+', '-']) {
        Some(at) => time.split_at_checked(at)?,
        None => (time, ""),
    };
    let offset = parse_offset(zone)?;
    let (clock, fraction) = match cut(clock, b'.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (clock, None),
    };
    let nanosecond = fraction.map_or(Some(0), parse_fraction)?;
    let (hour, clock) = cut(clock, b':')?;
    let (minute, second) = cut(clock, b':')?;
    let (hour, minute, second) = (two(hour)?, two(minute)?, two(second)?);

    // 24:00:00 is the beginning of the next day (XML Schema part 2, 3.2.7.1).
    let (date, hour) = match (hour, minute, second, nanosecond) {
        (24, 0, 0, 0) => (date.next_day()?, 0),
        _ => (date, hour),
    };
    let time = Time::from_hms_nano(hour, minute, second, nanosecond).ok()?;
    // A plain `to_offset` panics where the year leaves the range.
    OffsetDateTime::new_in_offset(date, time, offset).checked_to_offset(UtcOffset::UTC)
}

/// Parses an `xs:duration` (XML Schema part 2, 3.2.6) that is not negative, to
/// the second: `PT1H`, `P1DT12H`. Years and months have no fixed length; here
/// they are 365 and 30 days, which is precise enough for caching.
pub(in crate::saml) fn parse_duration(text: &str) -> Option<Duration> {
    let text = trim_blanks(text).strip_prefix('P')?;
    let (date, time) = match text.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (text, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let seconds = units(date, &[('Y', 365 * 86_400), ('M', 30 * 86_400), ('D', 86_400)])?
        .checked_add(units(time, &[('H', 3_600), ('M', 60), ('S', 1)])?)?;
    Some(Duration::seconds(seconds))
}

/// The sum of `1H30M`: each unit at most once, in order; only seconds have a fraction.
fn units(mut text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut sum = 0_i64;
    for (unit, seconds) in units {
        let Some((count, rest)) = text.split_once(*unit) else { continue };
        let count = match count.split_once('.') {
            Some((count, fraction)) if *unit == 'S' => digits(fraction).map(|_| count)?,
            Some(_) => return None,
            None => count,
        };
        sum = sum.checked_add(i64::from(digits(count)?).checked_mul(*seconds)?)?;
        text = rest;
    }
    text.is_empty().then_some(sum)
}

/// Writes an instant in UTC, to the second.
pub(in crate::saml) fn format_instant(instant: OffsetDateTime) -> String {
    let instant = instant.to_offset(UtcOffset::UTC);
    let (year, month, day) = instant.to_calendar_date();
    let (hour, minute, second) = instant.to_hms();
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", u8::from(month))
}

fn parse_date(text: &str) -> Option<Date> {
    let (year, rest) = cut(text, b'-')?;
    let (month, day) = cut(rest, b'-')?;
    let (month, day) = (two(month)?, two(day)?);
    if year.len() != 4 {
        return None;
    }
    let year = digits(year)?;
    Date::from_calendar_date(i32::try_from(year).ok()?, Month::try_from(month).ok()?, day).ok()
}

fn parse_offset(text: &str) -> Option<UtcOffset> {
    let (sign, clock) = match text.as_bytes().first() {
        None => return Some(UtcOffset::UTC),
        Some(b'Z') => return (text.len() == 1).then_some(UtcOffset::UTC),
        Some(b'-') => (-1_i8, text.get(1..)?),
        Some(_) => (1_i8, text.get(1..)?),
    };
    let (hours, minutes) = clock.split_once(':')?;
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    if hours > 14 || minutes > 59 || (hours == 14 && minutes > 0) {
        return None;
    }
    UtcOffset::from_hms(sign * i8::try_from(hours).ok()?, sign * i8::try_from(minutes).ok()?, 0).ok()
}

fn parse_fraction(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nine = text.bytes().chain(std::iter::repeat(b'0')).take(9);
    Some(nine.fold(0, |sum, b| sum * 10 + u32::from(b - b'0')))
}

fn two(text: &str) -> Option<u8> {
    if text.len() == 2 { u8::try_from(digits(text)?).ok() } else { None }
}

fn digits(text: &str) -> Option<u32> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_to_the_second() {
        for (text, seconds) in [
            ("PT1H", 3_600),
            ("PT0S", 0),
            (" P1DT12H30M1.5S\n", 131_401),
            ("P1Y", 365 * 86_400),
            ("P1M", 30 * 86_400),
            ("PT1M", 60),
            ("PT86400S", 86_400),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::seconds(seconds)), "{text}");
        }
        for text in [
            "",
            "P",
            "PT",
            "P1DT",
            "-PT1H",
            "PT1",
            "PT1H1H",
            "PT1M1H",
            "P1H",
            "PT1.5H",
            "1H",
            "PT+1H",
            "PTH",
            "PT1.S",
            "PT99999999999S",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn forms_that_identity_providers_write() {
        let base = 1_795_412_760; // 2026-11-23T05:46:00Z
        for (text, seconds, nanoseconds) in [
            ("2026-11-23T05:46:00Z", base, 0),
            ("2026-11-23T05:46:00", base, 0),
            (" 2026-11-23T05:46:00.5Z\n", base, 500_000_000),
            ("2026-11-23T05:46:00.1234567Z", base, 123_456_700),
            ("2026-11-23T05:46:00.123456789999999999999999999Z", base, 123_456_789),
            ("2026-11-23T07:16:00+01:30", base, 0),
            ("2026-11-22T21:46:00-08:00", base, 0),
            ("2026-11-23T19:46:00+14:00", base, 0),
            ("2026-11-22T15:46:00-14:00", base, 0),
            ("2026-11-23T19:45:00+13:59", base, 0),
            ("2026-11-23T06:45:00+00:59", base, 0),
            ("2026-11-22T24:00:00Z", base - 5 * 3_600 - 46 * 60, 0),
        ] {
            let instant = parse_instant(text).unwrap();
            assert_eq!((instant.unix_timestamp(), instant.nanosecond()), (seconds, nanoseconds), "{text}");
            assert_eq!(instant.offset(), UtcOffset::UTC);
        }
    }

    #[test]
    fn everything_else_is_no_instant() {
        for text in [
            "",
            "T",
            "now",
            "2026-11-23",
            "2026-11-23 05:46:00Z",
            "2026-11-23T05:46Z",
            "2026-11-23T05:46:00.Z",
            "2026-11-23T05:46:00z",
            "2026-11-23T05:46:00Zx",
            "2026-11-23T05:46:60Z",
            "2026-11-23T24:00:01Z",
            "2026-02-30T00:00:00Z",
            "2026-11-23T05:46:00+15:00",
            "2026-11-23T05:46:00+14:01",
            "2026-11-23T05:46:00-14:01",
            "2026-11-23T05:46:00+13:60",
            "2026-11-23T05:46:00+00:99",
            "2026-11-23-01T05:46:00Z",
            "026-11-23T05:46:00Z",
            "2026-11-23T05:46:00+1:00",
            "12026-11-23T05:46:00Z",
            "-2026-11-23T05:46:00Z",
            "+026-11-23T05:46:00Z",
            "9999-12-31T23:59:59-14:00",
            "0000-01-01T00:00:00é",
            "٢٠٢٦-11-23T05:46:00Z",
        ] {
            assert_eq!(parse_instant(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[0-9TZ:.+\\-]{0,40}", any in any::<String>()) {
            let _ = (parse_instant(&text), parse_instant(&any));
        }

        #[test]
        fn reads_what_time_writes(seconds in -62_167_219_200_i64..253_402_300_799) {
            let instant = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let text = instant.format(&time::format_description::well_known::Rfc3339).unwrap();
            prop_assert_eq!(parse_instant(&text), Some(instant));
        }
    }
}
