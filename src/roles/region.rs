//! AWS's regions, by the form of their names (the SDKs' `partitions.json`).

/// The partition that a region lies in, by its prefix.
pub fn partition_of_region(region: &str) -> &'static str {
    other_partition(region).map_or("aws", |(partition, _)| partition)
}

/// Whether AWS could call a region so: `eu-central-1`, `us-gov-west-1`,
/// `eusc-de-east-1`. New ones come with every year, so no list decides.
pub fn is_region(text: &str) -> bool {
    const AREAS: [&str; 9] = ["af", "ap", "ca", "eu", "il", "me", "mx", "sa", "us"];
    let rest = other_partition(text).map(|(_, rest)| rest);
    let rest =
        rest.or_else(|| text.split_once('-').filter(|(area, _)| AREAS.contains(area)).map(|(_, rest)| rest));
    let Some((words, number)) = rest.and_then(|rest| rest.rsplit_once('-')) else { return false };
    (1..=2).contains(&number.len())
        && number.bytes().all(|b| b.is_ascii_digit())
        && words.split('-').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
        && words.len() <= 24
}

/// A partition that is not `aws`, and what follows its prefix.
fn other_partition(region: &str) -> Option<(&'static str, &str)> {
    const PREFIXES: [(&str, &str); 8] = [
        ("us-gov-", "aws-us-gov"),
        ("cn-", "aws-cn"),
        ("eusc-", "aws-eusc"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
        ("eu-isof-", "aws-iso-f"),
    ];
    PREFIXES.iter().find_map(|(prefix, partition)| Some((*partition, region.strip_prefix(prefix)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::arn::is_partition;

    #[test]
    fn every_region_lies_in_one_known_partition() {
        for (region, partition) in [
            ("us-east-1", "aws"),
            ("eu-central-1", "aws"),
            ("ap-southeast-7", "aws"),
            ("us-gov-west-1", "aws-us-gov"),
            ("cn-northwest-1", "aws-cn"),
            ("eusc-de-east-1", "aws-eusc"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
        ] {
            assert_eq!(partition_of_region(region), partition, "{region}");
            assert!(is_partition(partition));
            assert!(is_region(region), "{region}");
        }
    }

    #[test]
    fn what_aws_calls_nothing_is_no_region() {
        for text in [
            "",
            "moon",
            "Frankfurt",
            "eu-central",
            "eu-central-",
            "eu--1",
            "xx-east-1",
            "eu-central-1a",
            "us-east-100",
            "cn-1-",
            "us-gov-1",
            "EU-central-1",
            "eu-central-1.evil.example",
        ] {
            assert!(!is_region(text), "{text}");
        }
    }
}
