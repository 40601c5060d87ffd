//! Roles that groups stand for, beside those that are offered.

use super::*;

const LISTED: &str = "123456789012";

fn map(name: &str, idp: &str, regex: &str, role: &str) -> RoleMap {
    let accounts = [LISTED.to_owned()].into();
    RoleMap::new(name.into(), idp.into(), "groups".into(), (regex, role), accounts).unwrap()
}

fn by_account(idp: &str) -> RoleMap {
    map("by account", idp, "AWS-(?<account>[0-9*]+)-(?<name>.+)", "arn:aws:iam::{account}:role/{name}")
}

fn member(groups: &[&str]) -> Identity {
    person("anna", &[]).with_values("groups", groups)
}

fn group(role: &str) -> String {
    format!("AWS-{LISTED}-{role}")
}

#[test]
fn a_group_stands_for_a_role() {
    let rules = rules(vec![production()]).with_maps(vec![by_account("ADFS")]);
    let grant = rules.decide(member(&["Domain Users", &group("Prod"), &group("Dev")])).unwrap();
    assert_eq!((grant.role(), grant.rule()), (&arn("Prod"), "production"));
    assert_eq!((grant.role_map(), grant.provider()), (Some("by account"), None));
    let lines = grant.explanation().lines();
    assert_eq!(lines[0], "0 usable roles in 0 role values");
    assert_eq!(lines[1], "role map 'by account': 2 of 3 values of groups stand for a role");
}

/// The rules choose among all of them, and never in silence.
#[test]
fn mapped_and_offered_roles_are_candidates_alike() {
    let rules = rules(vec![production()]).with_maps(vec![by_account("ADFS")]);
    let both = person("anna", &["Prod1"]).with_values("groups", &[&group("Prod2")]);
    assert_eq!(refusal(&rules, both), RoleRefusal::Ambiguous);
    let same = person("anna", &["Prod"]).with_values("groups", &[&group("Prod"), &group("Prod")]);
    let grant = rules.decide(same).unwrap();
    assert_eq!((grant.role_map(), grant.provider().unwrap().as_str()), (None, PROVIDER), "offered stays so");
    assert_eq!(refusal(&rules, member(&[&group("Dev")])), RoleRefusal::NoRule);
}

#[test]
fn of_two_maps_for_one_role_the_first_is_named() {
    let admins = map("admins", "ADFS", "Administrators", "arn:aws:iam::123456789012:role/Prod");
    for (maps, first) in [
        (vec![admins.clone(), by_account("ADFS")], "admins"),
        (vec![by_account("ADFS"), admins], "by account"),
    ] {
        let rules = rules(vec![production()]).with_maps(maps);
        let grant = rules.decide(member(&["Administrators", &group("Prod")])).unwrap();
        assert_eq!(grant.role_map(), Some(first));
    }
}

#[test]
fn who_has_no_such_group_reads_so() {
    let rules = rules(vec![production()]).with_maps(vec![by_account("ADFS")]);
    for groups in [&[][..], &["Domain Users"], &["AWS-999999999999-Prod", "AWS-123456789012-*"]] {
        let denial = rules.decide(member(groups)).unwrap_err();
        assert_eq!(denial.refusal, RoleRefusal::NoRoleMapped, "{groups:?}");
    }
    let denial = rules.decide(member(&["AWS-999999999999-Prod", "AWS-123456789012-*", "x"])).unwrap_err();
    let said = denial.explanation.lines().join("\n");
    assert!(said.contains("0 of 3 values of groups stand for a role; 1 set aside: what it gives"), "{said}");
    assert!(said.contains("; 1 set aside: of an account that is not in [accounts]"), "{said}");
    assert!(!said.contains("999999999999"), "values are not for the log: {said}");
    // Who is offered something else, and nothing usable, is told of that.
    let elsewhere = Identity::for_tests("ADFS", "anna", &["Prod"]).with_values("groups", &["x"]);
    assert_eq!(refusal(&rules, elsewhere), RoleRefusal::NoUsableRole);
}

/// A partner's directory has groups of any name.
#[test]
fn attack_another_identity_provider_names_a_group_of_ours() {
    let rules = rules(vec![production()]).with_maps(vec![by_account("ADFS")]);
    let partner = Identity::for_tests("Partner", "eve", &[]).with_values("groups", &[&group("Prod")]);
    let denial = rules.decide(partner).unwrap_err();
    assert_eq!(denial.refusal, RoleRefusal::NoRoleOffered);
    assert!(!denial.explanation.lines().join("\n").contains("role map"), "its maps are none of theirs");
}

/// Only the value that the map is about counts.
#[test]
fn attack_the_name_of_a_group_in_another_attribute() {
    let rules = rules(vec![production()]).with_maps(vec![by_account("ADFS")]);
    let eve = person(&group("Prod"), &[]).with_values("department", &[&group("Prod")]);
    assert_eq!(refusal(&rules, eve), RoleRefusal::NoRoleMapped);
}

#[test]
fn a_made_up_person_has_groups_too() {
    let rules = rules(vec![production()]).with_maps(vec![by_account("ADFS")]);
    let made_up = MadeUpPerson {
        idp: "ADFS".into(),
        values: [("groups".into(), vec![group("Prod")])].into(),
        ..MadeUpPerson::default()
    };
    let terms = rules.try_out(&made_up).outcome.unwrap();
    let [terms] = terms.as_slice() else { panic!("{terms:?}") };
    assert_eq!((&terms.role, &terms.source), (&arn("Prod"), &RoleSource::Mapped("by account".into())));
}
