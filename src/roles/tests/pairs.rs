//! Role values: which are pairs of a role and a SAML provider.

use super::*;

/// The table of `docs/SAML.md`.
#[test]
fn a_role_value_is_read_one_way_in_every_form() {
    let role = arn("Prod");
    for (form, offered) in [
        ("R,P", true),
        ("P,R", true),
        ("R, P", true),
        ("R ,P", true),
        (" \n R\t,\r\n P ", true),
        ("R,P,", true),
        ("P,R,", true),
        ("P,R, ,\n", true),
        (",R,P", true),
        ("R,,P", true),
        ("R, ,P", true),
        ("", false),
        (",", false),
        ("R", false),
        ("P", false),
        ("R,", false),
        ("R,R", false),
        ("P,P", false),
        ("R P", false),
        ("R;P", false),
        ("R,P;R,P", false),
        ("P,R,x", false),
        ("R,x,P", false),
        ("x,R,P", false),
        ("P,Rx y", false),
        ("R,P\u{a0}", false),
        ("\u{a0}R,P", false),
        ("R,\u{2003}P", false),
        ("R\u{ff0c}P", false),
        ("R%2CP", false),
    ] {
        let value = form.replace('P', "@").replace('R', role.as_str()).replace('@', PROVIDER);
        let decided = rules(vec![production()]).decide(Identity::for_tests("ADFS", "anna", &[&value]));
        match decided {
            Ok(grant) => assert!(offered && grant.role() == &role, "{form:?}"),
            Err(denial) => assert!(!offered && denial.refusal == RoleRefusal::NoUsableRole, "{form:?}"),
        }
    }
}

/// An ARN is case-sensitive; what was meant can be said.
#[test]
fn a_provider_in_other_case_is_another_one_and_named_as_such() {
    let value = format!("{},{}", PROVIDER.replace("ADFS", "adfs"), arn("Prod").as_str());
    let denial = rules(vec![production()])
        .decide(Identity::for_tests("ADFS", "anna", &[&value, &pair("Dev")]))
        .unwrap_err();
    assert_ne!(denial.refusal, RoleRefusal::Ambiguous);
    let said = denial.explanation.to_string();
    assert!(
        said.contains("; 1 of these with one that differs from it in upper and lower case only"),
        "{said}"
    );
    let other = format!("arn:aws:iam::123456789012:saml-provider/Other,{}", arn("Prod").as_str());
    let denial =
        rules(vec![production()]).decide(Identity::for_tests("ADFS", "anna", &[&other])).unwrap_err();
    assert!(!denial.explanation.to_string().contains("lower case"));
}

#[test]
fn three_arns_in_one_value_are_no_pair() {
    let (role, dev) = (arn("Prod"), arn("Dev"));
    for value in [
        format!("{PROVIDER},{},{PROVIDER}", role.as_str()),
        format!("{},{PROVIDER},{}", role.as_str(), dev.as_str()),
        format!("{},{},{PROVIDER}", role.as_str(), dev.as_str()),
        format!("{PROVIDER},{},{}", role.as_str(), dev.as_str()),
    ] {
        let identity = Identity::for_tests("ADFS", "anna", &[&value]);
        assert_eq!(
            refusal(&rules(vec![grant("any", vec![])]), identity),
            RoleRefusal::NoUsableRole,
            "{value}"
        );
    }
}
